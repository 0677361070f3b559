"""Names in scripts without spaces: with a title or a field, and never without."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("王小明先生您好，您的订单已发货。", "王小明"),
        ("客户:欧阳娜娜 电话", "欧阳娜娜"),
        ("患者：王芳，女，34岁", "王芳"),
        ("田中さんは来ます", "田中"),
        ("山田 太郎様", "山田 太郎"),
        ("氏名：佐藤 花子", "佐藤 花子"),
        ("スミスさんから電話", "スミス"),
        ("김민수 씨가 왔어요", "김민수"),
        ("환자: 박지훈", "박지훈"),
    ],
)
def test_names(find, text: str, name: str) -> None:
    assert ("PERSON", name) in find(text, free=True)


@pytest.mark.parametrize(
    "text",
    [
        "这位先生",
        "请问任何先生都可以",
        "方便医生查看",
        "高级经理",
        "有限公司经理",
        "お客様各位",
        "患者様へ",
        "皆さん",
        "値は多様です。仕様を確認",
        "王様",
        "お母さん",
        "고객님 안녕하세요",
        "선생님",
    ],
)
def test_roles_are_no_names(find, text: str) -> None:
    assert find(text, free=True) == []
