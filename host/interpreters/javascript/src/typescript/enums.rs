//! Enums: types that are values, too, and so become code.
//!
//! `enum Size { Small, Large = 5 }` becomes an object with "Small" and "Large", and for each number
//! its name, by an array of expressions in the place of the members.

use oxc_ast::ast::TSEnumDeclaration;
use oxc_ast_visit::Visit as _;
use oxc_span::GetSpan as _;

use super::types::{OpenEnum, Types, range};

impl<'a> Types<'_, 'a> {
    pub(super) fn enumerate(&mut self, it: &TSEnumDeclaration<'a>) {
        let name = it.id.name.as_str();
        let (start, body) = (it.span.start as usize, range(it.body.span));
        self.edits.blank(start..body.start + 1);
        self.edits.insert(start, format!("var {name} = (({name}, $) => {{ ["));
        let members = it.body.members.iter().map(|member| member.id.static_name().to_string());
        let open = OpenEnum { name: name.to_owned(), members: members.collect() };
        let outer = self.open_enum.replace(open);
        for member in &it.body.members {
            let key = quoted(member.id.static_name().as_str());
            let whole = range(member.span);
            let value = member.initializer.as_ref().map(|value| range(value.span()));
            self.edits.blank(whole.start..value.map_or(whole.end, |value| value.start));
            self.edits.insert(whole.start, format!("({name}[{key}] = $ = "));
            match &member.initializer {
                Some(value) => self.visit_expression(value),
                None => self.edits.insert(whole.end, "$ + 1".to_owned()),
            }
            let number = format!(", typeof $ === 'number' && ({name}[$] = {key}))");
            self.edits.insert(whole.end, number);
        }
        self.open_enum = outer;
        self.edits.blank(body.end - 1..body.end);
        let end = format!("]; return {name}; }})({name} || {{}}, -1);");
        self.edits.insert(body.end - 1, end);
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}
