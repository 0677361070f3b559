"""Names of people in Chinese, Japanese and Korean, where a title or a field gives them away.

These scripts put no space around a name, so the tagger, which reads words, does not see it. A name alone in a sentence
stays unfound; with a title behind it or the name of a field before it, a short run of characters is one.
"""

# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re
from typing import Final

from ..classes import EntityType
from .scan import Scan

# The most frequent family names, which cover nine people in ten.
_CHINESE: Final = (
    "(?:欧阳|司马|上官|诸葛|"
    "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤張劉陳楊黃趙吳孫馬許韓馮鄧蕭蔣葉蘇呂盧鍾譚陸])"
)
_KOREAN: Final = "(?:남궁|황보|제갈|[김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진나지엄채원천방공])"
_HAN: Final = "[\u4e00-\u9fff]"

_CHINESE_TITLE: Final = re.compile(
    rf"(?P<name>{_CHINESE}{_HAN}{{1,2}}?|(?<!{_HAN}){_CHINESE})(?:先生|女士|小姐|太太|医生|醫生|大夫|老师|老師|教授|经理|經理|主任|律师|律師|同学|师傅)"
)
_CHINESE_FIELD: Final = re.compile(
    rf"(?:姓名|患者|病人|客户|客戶|联系人|聯絡人|收件人|收货人|申请人|员工|负责人|经办人)[\uff1a: ]{{1,3}}(?P<name>{_CHINESE}{_HAN}{{1,3}})"
    rf"(?![\u4e00-\u9fff])"
)
_JAPANESE_TITLE: Final = re.compile(
    r"(?<![\u4e00-\u9fff\u30a1-\u30ff])(?P<name>[\u4e00-\u9fff々]{2,4}(?:[ \u3000][\u4e00-\u9fff々\u3041-\u3096]{1,4})?"
    r"|[\u30a1-\u30f6ー]{2,8}(?:[・ \u3000][\u30a1-\u30f6ー]{2,8})?)(?:さん|様|さま|氏|君|くん|ちゃん|殿|先生)(?!子|式|々)"
)
_JAPANESE_FIELD: Final = re.compile(
    r"(?:氏名|お名前|名前|患者名|担当者|宛名)[\uff1a: ]{1,3}(?P<name>[\u4e00-\u9fff々\u3041-\u3096\u30a1-\u30f6ー]{1,5}"
    r"[ \u3000]?[\u4e00-\u9fff々\u3041-\u3096\u30a1-\u30f6ー]{1,5})(?=[\s\u3000、。,()(]|さん|様|\Z)"
)
_KOREAN_TITLE: Final = re.compile(rf"(?<![가-힣])(?P<name>{_KOREAN}[가-힣]{{2}}) ?(?:씨|님)(?![가-힣]{{3}})")
_KOREAN_FIELD: Final = re.compile(
    rf"(?:성명|이름|환자명|환자|담당자|수령인)[: ]{{1,3}}(?P<name>{_KOREAN}[가-힣]{{1,2}})(?![가-힣])"
)
_FORMS: Final = (
    _CHINESE_TITLE, _CHINESE_FIELD, _JAPANESE_TITLE, _JAPANESE_FIELD, _KOREAN_TITLE, _KOREAN_FIELD,
)  # fmt: skip

_FORMS_WITHOUT_KANA: Final = (_CHINESE_TITLE, _CHINESE_FIELD, _KOREAN_TITLE, _KOREAN_FIELD)
_KANA: Final = re.compile("[\u3041-\u30ff様氏]")

# Who is spoken to so is a role: the customer, the patient, everybody.
_ROLES: Final = re.compile(
    r"(?:客|患者|業者|皆|奥|神|王|姫|仏|殿|同|担当|担当者|店員|職員|社員|会員|利用者|保護者|先方|相手|医者|学生|生徒|監督|部長|課長|社長|"
    r"院長|校長|店長|支店長|各位|関係者|参加者|契約者|使用者|看護師|薬剤師|警察|赤|本屋|魚屋|花屋|大家|隣人|両親|兄|姉|父|母|娘|息子|"
    r"孫|旦那|何|多|有|和|大|高级|高層|高层|高等|方便|任何|马上|向导|金融|于是|程序|江苏|王府|钱包|石油|白色|龙头|史上|严重|陆续|"
    r"万一|何种|常务|主治|住院|值班|徐州|郑州|苏州|广州|安全|方面|项目|产品|客户|销售|财务|市场|技术|人事|向上|余下|任课|任职|范围|文明)"
)


def recognise(scan: Scan) -> None:
    """Report the names that a title or a field gives away."""
    text = scan.text
    forms = _FORMS if _KANA.search(text) else _FORMS_WITHOUT_KANA  # a text without kana is hardly Japanese
    for form in forms:
        for match in form.finditer(text):
            if _ROLES.fullmatch(match["name"]) is None and not match["name"].endswith(("者", "員", "屋", "长", "長")):
                scan.add(*match.span("name"), EntityType.PERSON, 0.75)
