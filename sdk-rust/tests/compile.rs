//! Wrong uses of the macros: each is an error at the user's own token, which says the cure. Right
//! ones are the examples and the guests.

#[test]
fn a_wrong_use_is_an_error_at_its_token_that_says_the_cure() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
