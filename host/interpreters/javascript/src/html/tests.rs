use super::*;

const PAGE: &str = r#"<!doctype html>
<html><head><title>Tea &amp; more</title><script>if (a < b) { "</p>" }</script></head>
<body class="shop front">
<ul id="list"><li class="a">one<li class="b">two <b>bold</b><ul><li>inner</ul><li>three</ul>
<table><tr><td>1<td>2<tr><th>3</table>
<p>first<p data-kind=x>second<div>after</div>
<form action="/buy"><input name="csrf" value="t0k"><br>
<select name="size"><option value="s">S<option value="m" selected>M</select></form>
</body></html>"#;

fn found(selector: &str) -> Vec<String> {
    let page = HtmlPage::parse(PAGE);
    let selector = Selector::parse(selector).unwrap();
    selector.find(&page, 0).into_iter().map(|node| page.text(node)).collect()
}

#[test]
fn a_page_is_read_with_the_ends_that_people_leave_out() {
    assert_eq!(found("title"), ["Tea & more"]);
    assert_eq!(found("script"), ["if (a < b) { \"</p>\" }"]);
    assert_eq!(found("#list > li").len(), 3);
    assert_eq!(found("#list > .b > ul > li"), ["inner"]);
    assert_eq!(found("tr").len(), 2);
    assert_eq!(found("tr:first-child td"), ["1", "2"]);
    assert_eq!(found("p"), ["first", "second"]);
    assert_eq!(found("p > div").len(), 0);
    assert_eq!(found("form option"), ["S", "M"]);
    assert_eq!(found("br").len(), 1);
}

#[test]
fn selectors_find_what_css_means() {
    for (selector, count) in [
        ("body.shop.front", 1),
        ("body.sho", 0),
        ("LI.a, li.b", 2),
        ("li.a + li", 1),
        ("li.a ~ li", 2),
        ("[data-kind]", 1),
        ("p[data-kind=\"x\"]", 1),
        ("form[action^='/b']", 1),
        ("form[action$=uy]", 1),
        ("form[action*=u]", 1),
        ("body[class~=front]", 1),
        ("input[name!=csrf]", 0),
        ("#list > li:nth-child(2)", 1),
        ("#list > li:nth-child(odd)", 2),
        ("#list > li:nth-child(-n+2)", 2),
        ("#list > li:last-child", 1),
        ("option:not([selected])", 1),
        ("option:selected", 1),
        ("li:contains(\"three\")", 1),
        ("#list > li:has(ul)", 1),
        ("*", 27),
    ] {
        assert_eq!(found(selector).len(), count, "{selector}");
    }
}

#[test]
fn a_selector_that_is_not_understood_is_shown_where_it_stops() {
    for (selector, rest) in [
        ("", ""),
        ("a >", ""),
        ("a:hover", ":hover"),
        ("a[href", ""),
        ("p, ", ""),
        ("a:nth-child(x)", ":nth-child(x)"),
        ("a%", "%"),
    ] {
        let error = Selector::parse(selector).unwrap_err();
        let ending = format!("at {rest:?}");
        assert!(error.to_string().ends_with(&ending), "{selector}: {error}");
    }
}

#[test]
fn what_is_nested_for_ever_ends_and_is_all_there() {
    let page = HtmlPage::parse(&"<div>".repeat(20_000));
    assert_eq!(Selector::parse("div").unwrap().find(&page, 0).len(), 20_000);
    assert_eq!(page.text(0), "");
}

#[test]
fn html_is_written_as_it_is_read() {
    let text = "<p class=\"a &#34;b&#34;\">1 &lt; 2<br><b>bold</b></p>";
    let page = HtmlPage::parse(text);
    assert_eq!(page.html(0), text);
}
