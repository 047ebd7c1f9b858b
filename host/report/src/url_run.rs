//! A run of a URL, which has no scenario file: its scenario is named for what is asked.

/// The method to be typed for what was run, where that is a URL and the method is not the one that
/// goes without saying.
pub fn typed_method<'a>(file: &str, scenario: &'a str) -> Option<&'a str> {
    let (method, _) = scenario.split_once(' ').filter(|_| file.contains("://"))?;
    (method != "GET").then_some(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_asked_for_by_its_method_again() {
        assert_eq!(typed_method("http://shop.test/items", "PUT /items"), Some("PUT"));
        assert_eq!(typed_method("http://shop.test/items", "GET /items"), None);
        assert_eq!(typed_method("shop.wasm", "PUT into cart"), None);
    }
}
