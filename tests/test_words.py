"""Numbers as people read them."""

from activations.words import number, with_error


def test_numbers_keep_the_digits_that_their_interval_supports():
    assert number(0.23617, 0.2351, 0.2372) == "0.2362"
    assert number(9.8, 9.1, 10.4) == "9.8"
    assert number(-2.5e-24) == "−2.5 × 10⁻²⁴"
    assert number(63.21, 63.21, 63.21) == "63.21"
    assert number(float("-inf")) == "−∞"
    assert number(float("nan")) == number(None) == "none"


def test_without_an_interval_a_number_has_the_digits_asked_for_and_no_exponent_of_a_program():
    assert number(12345.6) == "12350" and number(12345.6, digits=3) == "12300"
    assert number(0.49994, digits=3) == "0.5" and number(0) == "0"


def test_an_error_has_one_digit_or_two_where_it_begins_with_a_small_one():
    assert with_error(10.36, 8.75, 11.97) == "10.4 ± 1.6"
    assert with_error(0.5131, 0.5079, 0.5183) == "0.513 ± 0.005"
    assert with_error(47.3625, 45.58, 49.145) == "47.4 ± 1.8"
    assert with_error(-0.5, -0.61, -0.39) == "−0.50 ± 0.11"
    assert with_error(120.0, 100.0, 140.0) == "120 ± 20"
    assert with_error(0.0001, -0.05, 0.0502) == "0.00 ± 0.05"


def test_what_is_exact_stands_alone():
    assert with_error(3.0, 3.0, 3.0) == "3" and with_error(-1 / 3, -1 / 3, -1 / 3) == "−0.3333"
    assert with_error(3.0, None, None) == "3" and with_error(0.3, 0.1 + 0.2, 0.3) == "0.3"


def test_neither_tiny_nor_huge_intervals_cost_an_effect_its_digits():
    assert with_error(0.123456789, 0.123456689, 0.123456889) == "0.12345679 ± 0.00000010"
    assert with_error(2.51e-24, 2.2e-24, 2.82e-24) == "(2.51 ± 0.31) × 10⁻²⁴"
    assert with_error(-3.2e12, -3.7e12, -2.7e12) == "(−3.2 ± 0.5) × 10¹²"
    assert with_error(0.0, -4e-310, 4e-310) == "(0 ± 4) × 10⁻³¹⁰"
    assert with_error(0.0, -1.7e308, 1.7e308) == "(0.0 ± 1.7) × 10³⁰⁸"
