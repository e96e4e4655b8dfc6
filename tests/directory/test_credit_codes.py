"""The credit code (GB 32100-2015): known vectors, and that one wrong character is always seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.rules import credit_code_fault, normalised_credit_code

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Two village collectives (N2…), which common libraries refuse, a cooperative, an organ, and a public sample.
VALID = (
    "N2152522MA0ABCDE6G",
    "93152525MA0ABCDE66",
    "11152500MA0ABCDE6D",
    "N2152522MA0N00016C",
    "91110000600037341L",
)


@pytest.mark.parametrize("code", VALID)
def test_known_codes_are_valid(code: str) -> None:
    assert credit_code_fault(code) is None


@pytest.mark.parametrize("code", VALID)
def test_every_single_character_change_is_caught(code: str) -> None:
    for index, character in enumerate(code):
        for other in ALPHABET:
            if other != character:
                assert credit_code_fault(code[:index] + other + code[index + 1 :]) is not None


@given(
    head=st.text(ALPHABET, min_size=2, max_size=2),
    region=st.text("0123456789", min_size=6, max_size=6),
    body=st.text(ALPHABET, min_size=9, max_size=9),
    at=st.integers(0, 17),
    other=st.sampled_from(ALPHABET),
)
def test_each_head_has_one_check_digit_and_a_change_is_caught(
    head: str, region: str, body: str, at: int, other: str
) -> None:
    fitting = [c for c in ALPHABET if credit_code_fault(head + region + body + c) is None]
    assert len(fitting) == 1
    code = head + region + body + fitting[0]
    if code[at] != other:
        assert credit_code_fault(code[:at] + other + code[at + 1 :]) is not None


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    assert credit_code_fault(normalised_credit_code(text)) in {None, "invalid_format", "checksum"}


@pytest.mark.parametrize(
    "typed", ["n2152522ma0abcde6g", " N2152522-MA0ABCDE6G ", "Ｎ２１５２５２２ＭＡ０ＡＢＣＤＥ６Ｇ"]
)
def test_codes_are_read_as_people_type_them(typed: str) -> None:
    assert normalised_credit_code(typed) == "N2152522MA0ABCDE6G"


@pytest.mark.parametrize("code", ["", "N2152522MA0ABCDE6", "N2152522MA0ABCDE6GG", "I2152522MA0ABCDE6G"])
def test_other_shapes_are_a_format_fault(code: str) -> None:
    assert credit_code_fault(code) == "invalid_format"
