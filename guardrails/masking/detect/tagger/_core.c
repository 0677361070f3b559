/* The tagger in C: the same steps as features.py and model.py, token for token and bit for bit.
 *
 * Optional: where it was not built, names.py runs the numpy code, and the tests hold the two to the same answers.
 * Every table comes from Python through `prepare`, which checks its size; `tag` allocates by the length of its text and
 * never indexes by anything else. It keeps the interpreter's lock: a piece of text takes some tens of microseconds.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off") /* the same rounding as numpy */
#else
#pragma STDC FP_CONTRACT OFF
#endif

enum { SPACE, LOWER, UPPER, CASELESS, DIGIT, PUNCT, NEWLINE, PAD };
enum { LABELS = 7, PROPERTIES = 11, MOST_PARTS = 4, MOST_FEATURES = 64, BUCKET_BITS = 12, PADS = 2 };
static const uint8_t KIND[8] = {SPACE, LOWER, LOWER, LOWER, DIGIT, PUNCT, NEWLINE, PAD};
static const uint64_t BASE = 0x9E3779B97F4A7C15ULL;

enum {
    CLASSES, FOLDED, HASHES, BITS, BUCKETS, WEIGHTS, TRANSITIONS, COARSE, PUNCT_SHAPES, NUMBERS, SPREAD, PARTS, SALTS, TABLES
};
typedef struct {
    Py_buffer table[TABLES];
    Py_ssize_t features, known;
    int shift;
    uint64_t prime[MOST_PARTS], column, last_mix;
    float scale, leaning, certain, sure;
    unsigned plain_bits, telling_bits, ordinary_bits;
} Model;
#define TABLE(model, type, name) ((const type *)(model)->table[name].buf)

typedef struct {
    int32_t start, end;
    uint64_t hash[4], property[PROPERTIES];
    uint16_t bits;
    uint8_t kind, shape, opens, joined, wanted;
    int8_t label, doubtful, taken;
} Token;

static void forget(PyObject *capsule) {
    Model *model = PyCapsule_GetPointer(capsule, "gloveport.tagger");
    if (model == NULL) return;
    for (int i = 0; i < TABLES; i++)
        if (model->table[i].obj) PyBuffer_Release(&model->table[i]);
    free(model);
}

static PyObject *prepare(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *tables;
    Model *model = calloc(1, sizeof(Model));
    if (model == NULL) return PyErr_NoMemory();
    unsigned long long p[MOST_PARTS], column, mix;
    if (!PyArg_ParseTuple(args, "O!(KKKKKK)i(ffff)(III)", &PyTuple_Type, &tables, &p[0], &p[1], &p[2], &p[3], &column, &mix,
                          &model->shift, &model->scale, &model->leaning, &model->certain, &model->sure, &model->plain_bits,
                          &model->telling_bits, &model->ordinary_bits)) {
        free(model);
        return NULL;
    }
    for (int i = 0; i < MOST_PARTS; i++) model->prime[i] = p[i];
    model->column = column;
    model->last_mix = mix;
    PyObject *capsule = PyCapsule_New(model, "gloveport.tagger", forget);
    if (capsule == NULL) {
        free(model);
        return NULL;
    }
    if (PyTuple_Size(tables) != TABLES) {
        PyErr_SetString(PyExc_ValueError, "not the tables of the tagger");
        Py_DECREF(capsule);
        return NULL;
    }
    for (int i = 0; i < TABLES; i++)
        if (PyObject_GetBuffer(PyTuple_GetItem(tables, i), &model->table[i], PyBUF_SIMPLE) < 0) {
            Py_DECREF(capsule);
            return NULL;
        }
    model->known = model->table[HASHES].len / 4;
    model->features = model->table[SALTS].len / 8;
    const Py_ssize_t want[TABLES] = {65536, 131072, model->known * 4, model->known * 2, (((Py_ssize_t)1 << BUCKET_BITS) + 1) * 4,
                                     0, (LABELS + 1) * LABELS * 4, 65536, 256, 80, (PROPERTIES - 5) * 8,
                                     model->features * MOST_PARTS * 2, model->features * 8};
    int fits = model->features > 0 && model->features <= MOST_FEATURES && model->shift > 32 && model->shift < 64 &&
               model->table[WEIGHTS].len == (Py_ssize_t)8 << (64 - model->shift);
    for (int i = 0; i < TABLES; i++)
        if (i != WEIGHTS && model->table[i].len != want[i]) fits = 0;
    if (fits) {
        const uint32_t *bucket = TABLE(model, uint32_t, BUCKETS);
        for (int i = 0; i < 1 << BUCKET_BITS; i++)
            if (bucket[i] > bucket[i + 1]) fits = 0;
        if (bucket[1 << BUCKET_BITS] != (uint32_t)model->known) fits = 0;
        const int8_t *part = TABLE(model, int8_t, PARTS);
        for (Py_ssize_t i = 0; i < model->features * MOST_PARTS; i++)
            if (part[2 * i] >= PROPERTIES || part[2 * i] < -1 || part[2 * i + 1] < -2 || part[2 * i + 1] > 2) fits = 0;
    }
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "the tables of the tagger have the wrong size");
        Py_DECREF(capsule);
        return NULL;
    }
    return capsule;
}

static uint64_t hashed(const Model *model, const uint16_t *code, int32_t start, int32_t end) {
    const uint16_t *folded = TABLE(model, uint16_t, FOLDED);
    uint64_t sum = 0, power = BASE;
    for (int32_t i = start; i < end; i++, power *= BASE) sum += folded[code[i]] * power;
    return sum ^ (sum >> 29);
}

static uint16_t look_up(const Model *model, uint64_t word) {
    const uint32_t wanted = (uint32_t)(word >> 32), *hashes = TABLE(model, uint32_t, HASHES);
    const uint32_t *bucket = TABLE(model, uint32_t, BUCKETS) + (wanted >> (32 - BUCKET_BITS));
    uint32_t low = bucket[0], high = bucket[1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (hashes[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < (uint32_t)model->known && hashes[low] == wanted ? TABLE(model, uint16_t, BITS)[low] : 0;
}

/* Returns the number of tokens; token[] has room for one a character. */
static int32_t tokenise(const Model *model, const uint16_t *code, int32_t length, Token *token) {
    const uint8_t *classes = TABLE(model, uint8_t, CLASSES);
    int32_t count = 0, line = 0, upper_line = 0, lower_line = 0;
    int after_space = 0;
    for (int32_t at = 0; at < length;) {
        const uint8_t kind = KIND[classes[code[at]] & 7];
        int32_t end = at, capitals = 0, lowers = 0;
        do {
            capitals += classes[code[end]] == UPPER;
            lowers += classes[code[end]] == LOWER;
            end++;
        } while (end < length && kind != PUNCT && kind != PAD && KIND[classes[code[end]] & 7] == kind);
        if (kind == SPACE) {
            after_space = 1;
            at = end;
            continue;
        }
        Token *t = &token[count];
        const int32_t size = end - at, first = classes[code[at]] == UPPER;
        memset(t, 0, sizeof *t);
        t->start = at;
        t->end = end;
        t->kind = kind;
        t->joined = !after_space;
        t->opens = count == 0 || token[count - 1].kind >= NEWLINE;
        if (kind == DIGIT) {
            const uint64_t number = TABLE(model, uint64_t, NUMBERS)[size < 9 ? size : 9];
            for (int i = 0; i < 4; i++) t->hash[i] = number;
            t->shape = (uint8_t)(6 + (size < 9 ? size : 9));
        } else {
            t->hash[0] = hashed(model, code, at, end);
            t->hash[1] = size > 3 ? hashed(model, code, at, at + 3) : t->hash[0];
            t->hash[2] = size > 3 ? hashed(model, code, end - 3, end) : t->hash[0];
            t->hash[3] = size > 2 ? hashed(model, code, end - 2, end) : t->hash[0];
            if (kind == LOWER) {
                t->bits = look_up(model, t->hash[0]);
                t->shape = capitals == 0 ? 0 : capitals == size ? (size == 1 ? 4 : 2) : first && capitals == 1 ? 1 : 3;
            } else if (kind == PUNCT) {
                const uint16_t folded = TABLE(model, uint16_t, FOLDED)[code[at]];
                t->shape = TABLE(model, uint8_t, PUNCT_SHAPES)[folded < 255 ? folded : 255];
            } else
                t->shape = kind == NEWLINE ? 60 : 61;
        }
        if (t->opens) {
            for (; line < count; line++) token[line].property[8] = upper_line == 0 ? 1 : lower_line == 0 ? 2 : 0;
            upper_line = lower_line = 0;
        }
        upper_line += capitals;
        lower_line += lowers;
        count++;
        after_space = 0;
        at = end;
    }
    for (; line < count; line++) token[line].property[8] = upper_line == 0 ? 1 : lower_line == 0 ? 2 : 0;
    return count;
}

static int open_word(const Model *model, const Token *t) {
    if (t->kind == DIGIT) return 1;
    if (t->kind != LOWER) return 0;
    return !(t->shape == 0 && (t->bits & model->plain_bits) && !(t->bits & model->telling_bits));
}

static void describe(const Model *model, Token *token, int32_t count) {
    const uint64_t *spread = TABLE(model, uint64_t, SPREAD);
    for (int32_t i = 0; i < count; i++) {
        Token *t = &token[i];
        t->property[0] = 1;
        for (int k = 0; k < 4; k++) t->property[1 + k] = t->hash[k];
        t->property[5] = ((uint64_t)TABLE(model, uint8_t, COARSE)[t->bits] * 64 + t->shape) * spread[0];
        t->property[6] = t->shape * spread[1];
        t->property[7] = t->bits * spread[2];
        t->property[8] *= spread[3];
        t->property[9] = (uint64_t)(t->joined * 2 + t->opens) * spread[4];
        t->property[10] = t->joined * spread[5];
        if (open_word(model, t)) /* its neighbours are looked at too: one before, two behind */
            for (int32_t k = i - 1; k <= i + 2; k++)
                if (k >= 0 && k < count && token[k].kind != PAD) token[k].wanted = 1;
    }
}

static void score(const Model *model, const Token *t, float *scores) {
    const int8_t *weights = TABLE(model, int8_t, WEIGHTS), *part = TABLE(model, int8_t, PARTS);
    const uint64_t *salt = TABLE(model, uint64_t, SALTS);
    int32_t sums[8] = {0};
    for (Py_ssize_t i = 0; i < model->features; i++, part += 2 * MOST_PARTS) {
        uint64_t row = 0;
        for (int k = 0; k < MOST_PARTS && part[2 * k] >= 0; k++) row += t[part[2 * k + 1]].property[part[2 * k]] * model->prime[k];
        row = (row + salt[i]) * model->column;
        row ^= row >> 31;
        row = (row * model->last_mix) >> model->shift;
        for (int k = 0; k < 8; k++) sums[k] += weights[row * 8 + k];
    }
    for (int k = 0; k < LABELS; k++) scores[k] = (float)sums[k] * model->scale;
    scores[0] -= model->leaning;
}

static void settle(const Model *model, Token *token, const float *scores, int32_t first, int32_t last, int8_t *origin) {
    const float *transition = TABLE(model, float, TRANSITIONS);
    const int left = token[first - 1].wanted ? token[first - 1].label : 0;
    const int right = token[last + 1].wanted ? token[last + 1].label : 0;
    float best[LABELS], next[LABELS];
    for (int k = 0; k < LABELS; k++) best[k] = scores[(Py_ssize_t)first * LABELS + k] + transition[left * LABELS + k];
    for (int32_t i = first + 1; i <= last; i++) {
        for (int k = 0; k < LABELS; k++) {
            int from = 0;
            float top = best[0] + transition[k];
            for (int j = 1; j < LABELS; j++) {
                const float path = best[j] + transition[j * LABELS + k];
                if (path > top) top = path, from = j;
            }
            origin[(Py_ssize_t)i * LABELS + k] = (int8_t)from;
            next[k] = top + scores[(Py_ssize_t)i * LABELS + k];
        }
        memcpy(best, next, sizeof best);
    }
    int label = 0;
    float top = best[0] + transition[right];
    for (int j = 1; j < LABELS; j++) {
        const float path = best[j] + transition[j * LABELS + right];
        if (path > top) top = path, label = j;
    }
    for (int32_t i = last; i >= first; i--) {
        token[i].label = (int8_t)label;
        label = i > first ? origin[(Py_ssize_t)i * LABELS + label] : label;
    }
}

static void decode(const Model *model, Token *token, int32_t count, float *scores, int8_t *origin) {
    for (int32_t i = PADS; i < count - PADS; i++) {
        if (!token[i].wanted) continue;
        float *s = &scores[(Py_ssize_t)i * LABELS];
        score(model, &token[i], s);
        int best = 0;
        for (int k = 1; k < LABELS; k++)
            if (s[k] > s[best]) best = k;
        float second = -1e30f;
        for (int k = 0; k < LABELS; k++)
            if (k != best && s[k] > second) second = s[k];
        token[i].label = (int8_t)best;
        token[i].doubtful = s[best] - second < model->certain;
    }
    for (int32_t i = PADS; i < count - PADS; i++) {
        if (!token[i].doubtful) continue;
        int32_t last = i;
        while (token[last + 1].doubtful) last++;
        settle(model, token, scores, i, last, origin);
        i = last;
    }
}

static int append(PyObject *list, PyObject *item) {
    if (item == NULL) return -1;
    const int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed;
}

static int report(const Model *model, Token *token, int32_t count, const float *scores, PyObject *mentions, PyObject *words) {
    for (int32_t i = 0; i < count; i++) {
        if (!token[i].wanted || token[i].label == 0) continue;
        const int kind = (token[i].label + 1) / 2 - 1, inside = 2 * kind + 2;
        float margin = scores[(Py_ssize_t)i * LABELS + token[i].label] - scores[(Py_ssize_t)i * LABELS];
        int32_t last = i;
        while (token[last + 1].wanted && token[last + 1].label == inside) {
            last++;
            const float other = scores[(Py_ssize_t)last * LABELS + inside] - scores[(Py_ssize_t)last * LABELS];
            if (other > margin) margin = other;
        }
        for (int32_t k = i; k <= last; k++) token[k].taken = kind == 0 && margin >= model->sure ? 2 : 1;
        if (append(mentions, Py_BuildValue("iiid", token[i].start - PADS, token[last].end - PADS, kind, (double)margin))) return -1;
        i = last;
    }
    for (int32_t i = 0; i < count; i++) {
        const Token *t = &token[i];
        if (t->shape != 1 || (t->bits & model->ordinary_bits) || t->end - t->start <= 2) continue;
        if (append(words, Py_BuildValue("Kiii", (unsigned long long)t->hash[0], t->start - PADS, t->end - PADS, (int)t->taken)))
            return -1;
    }
    return 0;
}

static PyObject *tag(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule, *text;
    if (!PyArg_ParseTuple(args, "OU", &capsule, &text)) return NULL;
    const Model *model = PyCapsule_GetPointer(capsule, "gloveport.tagger");
    if (model == NULL) return NULL;
    const Py_ssize_t size = PyUnicode_GetLength(text);
    if (size > 1 << 20) {
        PyErr_SetString(PyExc_ValueError, "the text is too long for one piece");
        return NULL;
    }
    const int32_t length = (int32_t)size + 2 * PADS;
    Py_UCS4 *wide = malloc(((size_t)size + 1) * sizeof *wide);
    uint16_t *code = calloc((size_t)length, sizeof *code);
    Token *token = malloc((size_t)length * sizeof *token);
    PyObject *mentions = PyList_New(0), *words = PyList_New(0), *result = NULL;
    float *scores = NULL;
    int8_t *origin = NULL;
    if (wide == NULL || code == NULL || token == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (mentions == NULL || words == NULL || PyUnicode_AsUCS4(text, wide, size + 1, 1) == NULL) goto done;
    for (Py_ssize_t i = 0; i < size; i++) code[i + PADS] = wide[i] < 0xFFFF ? (uint16_t)wide[i] : 0xFFFF;
    const int32_t count = tokenise(model, code, length, token);
    describe(model, token, count);
    scores = malloc((size_t)count * LABELS * sizeof *scores);
    origin = malloc((size_t)count * LABELS);
    if (scores == NULL || origin == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    decode(model, token, count, scores, origin);
    if (report(model, token, count, scores, mentions, words) == 0) result = Py_BuildValue("OO", mentions, words);
done:
    free(wide);
    free(code);
    free(token);
    free(scores);
    free(origin);
    Py_XDECREF(mentions);
    Py_XDECREF(words);
    return result;
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_VARARGS, "The tables of a model, checked and held."},
    {"tag", tag, METH_VARARGS, "Mentions and capitalised words of one piece of text."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_core", "The tagger in C.", 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
