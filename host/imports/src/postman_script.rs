//! What scripts of a collection say that steps can say: a value kept for later, a status expected.
//!
//! Scripts are programs, and are not run. Two lines that nearly all collections have are recognised
//! by their form; everything else is told.

use crate::draft::{Extract, variable_name};

/// What a line says.
pub(crate) enum ScriptFound {
    /// A variable, and where its value is.
    Extract(String, Extract),
    Status(u16),
    /// What is not taken over.
    Other,
}

/// The lines of a script that say something, by their numbers from 0.
pub(crate) fn read_script(lines: &[String]) -> Vec<(usize, ScriptFound)> {
    let mut found = Vec::new();
    // Names that stand for the response's JSON.
    let mut bodies: Vec<String> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let line = line.trim().trim_end_matches(';').trim_end();
        let is_frame = line.starts_with("pm.test(") && line.ends_with('{');
        if line.is_empty() || line.starts_with("//") || is_frame || matches!(line, "}" | "})") {
            continue;
        }
        if let Some((name, value)) = assigned(line)
            && is_body(value)
        {
            bodies.push(name.to_owned());
            continue;
        }
        let found_here = kept(line, &bodies).or_else(|| status(line)).unwrap_or(ScriptFound::Other);
        found.push((number, found_here));
    }
    found
}

fn assigned(line: &str) -> Option<(&str, &str)> {
    let rest = ["var ", "let ", "const "].iter().find_map(|word| line.strip_prefix(word))?;
    let (name, value) = rest.split_once('=')?;
    Some((name.trim(), value.trim()))
}

fn is_body(value: &str) -> bool {
    let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    matches!(
        value.as_str(),
        "pm.response.json()" | "JSON.parse(responseBody)" | "JSON.parse(pm.response.text())"
    )
}

/// `pm.environment.set("name", body.path)`, of any scope.
fn kept(line: &str, bodies: &[String]) -> Option<ScriptFound> {
    const SETS: [&str; 6] = [
        "pm.environment.set(",
        "pm.collectionVariables.set(",
        "pm.globals.set(",
        "pm.variables.set(",
        "postman.setEnvironmentVariable(",
        "postman.setGlobalVariable(",
    ];
    let inside = SETS.iter().find_map(|set| line.strip_prefix(set))?.strip_suffix(')')?;
    let (name, value) = inside.split_once(',')?;
    let name = quoted(name.trim())?;
    let value = value.trim();
    if let Some(header) = value.strip_prefix("pm.response.headers.get(") {
        let header = quoted(header.strip_suffix(')')?.trim())?;
        return Some(ScriptFound::Extract(variable_name(name), Extract::Header(header.to_owned())));
    }
    let direct = ["pm.response.json()", "JSON.parse(responseBody)"];
    let path = direct
        .iter()
        .copied()
        .chain(bodies.iter().map(String::as_str))
        .find_map(|body| value.strip_prefix(body))?;
    is_path(path).then(|| {
        let path = format!("${}", path.replace('"', "'"));
        ScriptFound::Extract(variable_name(name), Extract::Json(path))
    })
}

/// Whether it is members and places alone: `.a.b[0]['c']`.
fn is_path(path: &str) -> bool {
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let end = end.unwrap_or(after.len());
            if end == 0 {
                return false;
            }
            rest = &after[end..];
        } else if let Some((inside, after)) =
            rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            let is_place = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
            if !is_place && quoted(inside).is_none() {
                return false;
            }
            rest = after;
        } else {
            return false;
        }
    }
    true
}

fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.contains(['"', '\'', '\\'])).then_some(inside)
}

/// `pm.response.to.have.status(201)`, alone or as a test of one line.
fn status(line: &str) -> Option<ScriptFound> {
    let (_, rest) = line.split_once("pm.response.to.have.status(")?;
    let (number, behind) = rest.split_once(')')?;
    let is_all = behind.chars().all(|c| "});".contains(c) || c.is_whitespace());
    let number = number.trim().parse().ok().filter(|number| (100..600).contains(number))?;
    is_all.then_some(ScriptFound::Status(number))
}
