//! The tree of a page.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Elements that have no content and no end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements whose end may be left out, each with those that end it when they begin.
const ENDED_BY: [(&str, &[&str]); 11] = [
    ("li", &["li"]),
    ("dt", &["dt", "dd"]),
    ("dd", &["dt", "dd"]),
    ("td", &["td", "th", "tr", "tbody", "tfoot"]),
    ("th", &["td", "th", "tr", "tbody", "tfoot"]),
    ("tr", &["tr", "tbody", "tfoot"]),
    ("thead", &["tbody", "tfoot"]),
    ("tbody", &["tbody", "tfoot"]),
    ("option", &["option", "optgroup"]),
    ("head", &["body"]),
    ("p", &BLOCKS),
];

/// What a paragraph cannot contain.
const BLOCKS: [&str; 25] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "div",
    "dl",
    "fieldset",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];

/// What begins within these ends nothing outside of them.
const CLOSED: [&str; 9] = ["table", "td", "th", "ul", "ol", "menu", "dl", "select", "button"];

/// What is nested deeper lies beside, as in browsers.
const DEEPEST: usize = 512;

/// The number of a node within its document; the document itself is 0.
pub type PageNodeId = usize;

/// A page.
#[derive(Debug)]
pub struct HtmlPage {
    nodes: Vec<PageNode>,
}

#[derive(Debug)]
struct PageNode {
    parent: Option<PageNodeId>,
    children: Vec<PageNodeId>,
    content: PageContent,
}

#[derive(Debug)]
enum PageContent {
    /// The root.
    Root,
    Element {
        name: String,
        attributes: Vec<(String, String)>,
    },
    Text(String),
}

impl HtmlPage {
    /// Reads a page. Any text is one.
    pub fn parse(html: &str) -> Self {
        let root = PageNode { parent: None, children: Vec::new(), content: PageContent::Root };
        let mut page = Self { nodes: vec![root] };
        let mut open = vec![0];
        let mut emitter = DefaultEmitter::<()>::default();
        // What stands in a script or a style is text.
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => {
                    let name = text(&tag.name);
                    page.end_before(&mut open, &name);
                    let attributes = tag
                        .attributes
                        .iter()
                        .map(|(name, value)| (text(name), text(&value.value)))
                        .collect();
                    let is_void = VOID.contains(&&*name);
                    let parent = open[open.len() - 1];
                    let element = page.add(parent, PageContent::Element { name, attributes });
                    if !is_void && !tag.self_closing && open.len() < DEEPEST {
                        open.push(element);
                    }
                }
                Token::EndTag(tag) => {
                    let name = text(&tag.name);
                    let found = open.iter().rposition(|&node| page.name(node) == Some(&name));
                    if let Some(depth) = found {
                        open.truncate(depth);
                    }
                }
                Token::String(words) => {
                    page.add(open[open.len() - 1], PageContent::Text(text(&words.value)));
                }
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        page
    }

    /// Ends those open elements that a new one of this name ends.
    fn end_before(&self, open: &mut Vec<PageNodeId>, name: &str) {
        loop {
            let ends = |open: &str| {
                ENDED_BY.iter().any(|(ended, by)| *ended == open && by.contains(&name))
            };
            let nearest = open.iter().rposition(|&node| {
                self.name(node).is_some_and(|open| ends(open) || CLOSED.contains(&open))
            });
            match nearest {
                Some(depth) if self.name(open[depth]).is_some_and(ends) => open.truncate(depth),
                _ => return,
            }
        }
    }

    fn add(&mut self, parent: PageNodeId, content: PageContent) -> PageNodeId {
        let id = self.nodes.len();
        self.nodes.push(PageNode { parent: Some(parent), children: Vec::new(), content });
        self.nodes[parent].children.push(id);
        id
    }

    /// The name of an element, in small letters; of anything else none.
    pub fn name(&self, node: PageNodeId) -> Option<&str> {
        match &self.nodes.get(node)?.content {
            PageContent::Element { name, .. } => Some(name),
            PageContent::Root | PageContent::Text(_) => None,
        }
    }

    /// The attributes of an element, in the order of their names.
    pub fn attributes(&self, node: PageNodeId) -> &[(String, String)] {
        match self.nodes.get(node).map(|node| &node.content) {
            Some(PageContent::Element { attributes, .. }) => attributes,
            _ => &[],
        }
    }

    /// The value of an attribute.
    pub fn attribute(&self, node: PageNodeId, name: &str) -> Option<&str> {
        let found = self.attributes(node).iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What it stands in; the document stands in nothing.
    pub fn parent(&self, node: PageNodeId) -> Option<PageNodeId> {
        self.nodes.get(node)?.parent
    }

    /// What stands in it, texts included, in the order of the page.
    pub fn children(&self, node: PageNodeId) -> &[PageNodeId] {
        self.nodes.get(node).map_or(&[], |node| &node.children)
    }

    /// Shows all that stands in a node, in the order of the page.
    pub(super) fn walk(&self, node: PageNodeId, see: &mut impl FnMut(PageNodeId)) {
        for &child in self.children(node) {
            see(child);
            self.walk(child, see);
        }
    }

    /// The texts in a node, together.
    pub fn text(&self, node: PageNodeId) -> String {
        let mut text = String::new();
        let mut add = |node: PageNodeId| {
            if let Some(PageContent::Text(words)) = self.nodes.get(node).map(|node| &node.content) {
                text.push_str(words);
            }
        };
        add(node);
        self.walk(node, &mut add);
        text
    }

    /// What stands in a node, as HTML.
    pub fn html(&self, node: PageNodeId) -> String {
        let mut html = String::new();
        for &child in self.children(node) {
            self.write(child, &mut html);
        }
        html
    }

    fn write(&self, node: PageNodeId, html: &mut String) {
        match &self.nodes[node].content {
            PageContent::Root => {}
            PageContent::Text(text) => {
                let parent = self.parent(node).and_then(|parent| self.name(parent));
                match parent {
                    Some("script" | "style") => html.push_str(text),
                    _ => escape(text, html),
                }
            }
            PageContent::Element { name, attributes } => {
                html.extend(["<", name]);
                for (name, value) in attributes {
                    html.extend([" ", name, "=\""]);
                    escape(value, html);
                    html.push('"');
                }
                html.push('>');
                if !VOID.contains(&name.as_str()) {
                    html.push_str(&self.html(node));
                    html.extend(["</", name, ">"]);
                }
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&#34;"),
            letter => html.push(letter),
        }
    }
}
