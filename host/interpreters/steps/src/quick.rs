//! What `host run URL` asks for: one request, which the host writes and nobody else does. So it is
//! JSON and strict: what this does not know came of a host that is newer, and is an error in place
//! of a request that is not what was asked for.

use serde::{Deserialize, Serialize};

/// The name of the file with the request.
pub const REQUEST: &str = "request.json";

/// The name of the file with the request's body, if it has one.
pub const BODY: &str = "body";

/// A request that is made again and again, each time as a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuickRequest {
    /// The name of the scenario.
    pub name: String,
    /// The method as it goes over the wire.
    pub method: String,
    /// What is asked for, iteration by iteration in turn; at least one.
    pub pages: Vec<QuickPage>,
    /// Names and values, in the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// How many redirects are followed.
    pub redirects: u8,
    /// Statuses that are a success, as ranges with both ends; if there are none, 200 to 399.
    pub expect: Vec<(u16, u16)>,
    /// Whether there is a body.
    pub has_body: bool,
    /// Hosts of its pages beside the one that was typed.
    pub hosts: Vec<String>,
}

/// One of the URLs that are asked for in turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuickPage {
    /// The name of the transaction.
    pub name: String,
    /// The absolute URL.
    pub url: String,
}

impl QuickRequest {
    /// Reads the file.
    ///
    /// # Errors
    /// It is none of this version: what is wrong, and in which line and column.
    pub fn read(content: &[u8]) -> Result<Self, (String, u32, u32)> {
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let read: Self = serde_json::from_slice(content)
            .map_err(|error| (error.to_string(), place(error.line()), place(error.column())))?;
        if read.pages.is_empty() {
            return Err(("there is no URL in `pages`".to_owned(), 1, 0));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_writes_is_read_and_what_it_does_not_is_an_error_with_its_place() {
        let page = QuickPage {
            name: "GET /items".to_owned(),
            url: "http://127.0.0.1:8080/items?page=1".to_owned(),
        };
        let request = QuickRequest {
            name: "GET /items".to_owned(),
            method: "GET".to_owned(),
            pages: vec![page],
            headers: vec![("accept".to_owned(), "text/html".to_owned())],
            redirects: 3,
            expect: vec![(200, 299)],
            has_body: false,
            hosts: vec!["api.shop.test".to_owned()],
        };
        let written = serde_json::to_vec(&request).expect("it is text and numbers");
        assert_eq!(QuickRequest::read(&written), Ok(request.clone()));
        let (message, line, column) =
            QuickRequest::read(b"{\n  \"speed\": 3}").expect_err("no such field");
        assert!(message.contains("speed") && (line, column) == (2, 9), "{message} {line} {column}");
        let nothing = serde_json::to_vec(&QuickRequest { pages: Vec::new(), ..request });
        let nothing = QuickRequest::read(&nothing.expect("it is text and numbers"));
        assert!(nothing.is_err_and(|(message, ..)| message.contains("`pages`")));
    }
}
