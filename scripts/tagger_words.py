"""Words of programs and of their trade, from which the tagger learns what names nobody."""

from __future__ import annotations

IDENTIFIERS = (
    "len sys os re self args kwargs fp buf ctx req res err msg idx key val tmp src dst num obj elem node tree "
    "path name file line "
    "data value result index count size start end text token items list dict str int float bool none true false "
    "elif else while "
    "import return yield await async lambda raise except finally assert pass break continue global print open "
    "close read write seek "
    "flush parse format encode decode encoder parser reader writer handler logger config option param vector "
    "matrix julian gmtoff "
    "tzname stdin stdout stderr argv argc malloc free printf enum struct union typedef const static void char "
    "short long double "
    "libc erlang perl groff glibc linux debian kernel gcc clang cmake make ninja maven gradle npm yarn webpack "
    "babel jest mocha "
    "pytest tox ruff black mypy numpy scipy pandas torch spacy nltk flask django celery redis kafka nginx docker "
    "helm terraform "
    "ansible vagrant consul vault mnesia ruby rails rake gem cargo rustc golang kotlin scala clojure lisp "
    "haskell ocaml julia matlab "
    "bash zsh fish tmux vim emacs sed awk grep xargs curl wget rsync ssh sudo chmod chown mkdir conda preshed "
    "murmurhash cymem "
    "thinc pydantic chardet urllib httpx requests click typer rich jinja sphinx isort cython"
).split()
SYLLABLES = "ba co di fe gu ha jo ka li mo nu pa qui ra si to va xe zy tri plo gra sto ner tal mit".split()
TECH = (
    "Linux|Python|Debian|Ubuntu|Erlang|Pydantic|Ruby|Unicode|Mac|macOS|Unix|Docker|Kubernetes|Redis|Kafka|Mnesia|Cython|Jinja|"
    "Chardet|Mypy|Tidelift|Logfire|Pacote|Rust|Go|Java|Kotlin|Swift|React|Angular|Vue|Django|Flask|Celery|Postgres|MySQL|MongoDB|"
    "Elasticsearch|Grafana|Prometheus|Terraform|Ansible|Jenkins|GitLab|GitHub|Vim|Emacs|Windows|Android|iOS|Firefox|Safari|Chrome|"
    "Xcode|Gradle|Maven|Webpack|Node|Deno|Bash|Perl|Haskell|Scala|Julia|Fortran|CUDA|OpenSSL|Nginx|Apache|Tomcat|Hadoop|Spark|"
    "Airflow|Pandas|NumPy|PyTorch|Pygments|Sphinx|Boolean|Iterator|JSON|YAML|XML|HTTP|TCP|RFC|ASCII|UTF-8|Base64|Bluetooth|Ethernet"
).split("|")
