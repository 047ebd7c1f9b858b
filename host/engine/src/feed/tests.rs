//! Files as people make them, and what becomes of them.

use std::fmt::Write as _;

use super::*;

fn feed(ending: &str, content: impl AsRef<[u8]>) -> Result<Feed, FeedError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(format!("rows.{ending}"));
    std::fs::write(&path, content).expect("a file in it");
    Feed::read("rows", &path)
}

/// All rows, as `column=value` with spaces between, one a line.
fn shown(ending: &str, content: impl AsRef<[u8]>) -> Vec<String> {
    let feed = feed(ending, content).expect("rows");
    let row = |index| {
        feed.row(index)
            .expect("a row")
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..feed.len()).map(row).collect()
}

fn refused(ending: &str, content: impl AsRef<[u8]>) -> String {
    feed(ending, content).expect_err("not a feed").to_string()
}

#[test]
fn a_csv_row_has_its_columns() {
    let feed = feed("csv", "user,age\nada,36\n\"b,c\",1\n").expect("two rows");
    assert_eq!(feed.len(), 2);
    assert_eq!(
        feed.wrapped(3),
        [("user".to_owned(), "b,c".to_owned()), ("age".to_owned(), "1".to_owned())]
    );
    assert_eq!(feed.row(2), None);
}

#[test]
fn csv_is_read_however_its_lines_end_and_its_quotes_stand() {
    let expected = ["a=1 b=2", "a=3 b=4"];
    for content in [
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n\r\n3,4\r\n",
        "a,b\r1,2\r3,4\r",
        "\n\na,b\n1,2\n3,4\n",
        "\"a\",b\n\"1\",\"2\"\n3,4\n",
    ] {
        assert_eq!(shown("csv", content), expected, "{content:?}");
    }
    assert_eq!(
        shown("csv", "a\n\"x\"\"y\"\n\"two\nlines\"\nq\"q\n\"\"\n"),
        ["a=x\"y", "a=two\nlines", "a=q\"q", "a="]
    );
    assert_eq!(shown("csv", "a,b,c\n,,\n"), ["a= b= c="]);
}

#[test]
fn a_quote_that_is_never_closed_is_an_error_where_it_was_opened() {
    for (content, expected) in [
        ("user\nada\n\"bob\ncy\ndan\n", "line 3: a quote is opened here and never closed"),
        ("user\r\nada\r\n\"bob\r\ncy\r\n", "line 3: a quote"),
        ("user,age\n\"bob,1\n\"cy\",2\n", "line 3: the quote that was opened in line 2"),
    ] {
        let error = refused("csv", content);
        assert!(error.contains(expected), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn what_is_taken_as_csv_is_read_as_others_read_it(
        content in "h,i\n([a\" ,\n\r]|\",\"){0,24}",
    ) {
        if let Ok(feed) = feed("csv", &content) {
            proptest::prop_assert_eq!(our_values(&feed), values_as_others_read_them(&content));
        }
    }
}

fn our_values(feed: &Feed) -> Vec<Vec<String>> {
    let values = |i| feed.wrapped(i).into_iter().map(|(_, value)| value).collect();
    (0..feed.len()).map(values).collect()
}

fn values_as_others_read_them(content: &str) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().from_reader(content.as_bytes());
    let values = |row: ::csv::Result<::csv::StringRecord>| {
        row.expect("a row for both").iter().map(str::to_owned).collect()
    };
    reader.records().map(values).collect()
}

#[test]
fn values_are_as_they_were_written() {
    let row = concat!(
        r#"{"id":12345678901234567890123,"price":10.00,"e":1E5,"#,
        r#""text":"t\u00e4\n","list":[1, 2.50],"none":null,"yes":true}"#
    );
    assert_eq!(
        shown("jsonl", row),
        ["id=12345678901234567890123 price=10.00 e=1E5 text=t\u{e4}\n list=[1, 2.50] none=null \
            yes=true"]
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_row() {
    assert_eq!(shown("jsonl", "\u{feff}{\"user\":\"ada\"}\n"), ["user=ada"]);
    assert_eq!(shown("csv", "\u{feff}user\nada\n"), ["user=ada"]);
}

#[test]
fn objects_that_are_not_alike_keep_their_own_columns() {
    let content = "{\"a\":\"x\"}\n\n{\"a\":\"y\",\"b\":1}\n{}\n{\"b\":2,\"a\":3}\n{\"a\":\"z\"}\n";
    assert_eq!(shown("ndjson", content), ["a=x", "a=y b=1", "", "b=2 a=3", "a=z"]);
    // More sets of columns than are told apart.
    let many: String = (0..3000).map(|i| format!("{{\"k{i}\":{i},\"same\":\"s{i}\"}}\n")).collect();
    let rows = shown("jsonl", many);
    assert_eq!(
        (rows.len(), rows[7].as_str(), rows[2999].as_str()),
        (3000, "k7=7 same=s7", "k2999=2999 same=s2999")
    );
}

#[test]
fn a_bad_line_is_named() {
    for (ending, content, expected) in [
        ("csv", &b"a,b\n1,2\n3\n"[..], "line 3: 1 value in a row, and 2 in the header"),
        ("csv", b"a\n\"x\ny\"\n1,2\n", "line 4: 2 values in a row, and 1 in the header"),
        ("csv", b"a,b,a\n", "line 1: the header has two columns \"a\""),
        ("csv", b"a,,c\n", "line 1: column 2 of the header has no name"),
        ("csv", b"a\nx\n\xe4\n", "line 3: this is no UTF-8"),
        ("csv", b"a\nx\0\n", "line 2: there is a NUL byte"),
        ("csv", b"\xff\xfea\0\n\0", "UTF-16"),
        ("csv", b"a,b\n", "no rows"),
        ("csv", b"", "no rows"),
        ("jsonl", b"{}\n[1]\n", "line 2: not a JSON object"),
        (
            "jsonl",
            b"{\"a\":1}\n{\"a\":1,}\n",
            "line 2: not a JSON object: trailing comma at column 8",
        ),
        ("jsonl", b"{\"a\":1,\"a\":2}\n", "line 1: the object has \"a\" twice"),
        ("jsonl", b"[\n{\"a\":1}\n]\n", "jq -c '.[]'"),
        ("jsonl", b"{\n\"a\":1\n}\n", "jq -c ."),
        ("jsonl", b"{\"a\":\"\xff\"}\n", "line 1: this is no UTF-8"),
        ("jsonl", b"\n\n", "no rows"),
        ("txt", b"a", "neither"),
    ] {
        let error = refused(ending, content);
        assert!(error.contains(expected), "{content:?}: {error}");
    }
}

#[test]
fn a_million_rows_take_at_most_two_and_a_half_times_their_file() {
    let mut csv = String::from("id,user,email,password,token\n");
    let mut json = String::new();
    let mut narrow = String::from("id\n");
    for i in 0..1_000_000 {
        writeln!(csv, "{i},user{i},user{i}@example.com,pw{i},tok{i:08x}").expect("a string");
        writeln!(json, r#"{{"id":{i},"user":"user{i}"}}"#).expect("a string");
        writeln!(narrow, "{}", i % 1000).expect("a string");
    }
    // Rows that are not alike cost a place each.
    let mixed: String = json
        .lines()
        .enumerate()
        .map(|(i, line)| if i % 2 == 0 { format!("{line}\n") } else { "{\"id\":1}\n".into() })
        .collect();
    for (ending, content) in [("csv", &csv), ("jsonl", &json), ("csv", &narrow), ("jsonl", &mixed)]
    {
        let feed = feed(ending, content).expect("a million rows");
        let (bytes, most) = (feed.rows.bytes(), content.len() * 5 / 2);
        assert!(
            feed.len() == 1_000_000 && bytes <= most,
            "{ending}: {bytes} bytes for {}",
            content.len()
        );
    }
}
