//! The options in the parentheses of an attribute: which there are, and what each takes.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, LitStr, Path, Result, Token, parenthesized};

/// One option, as written.
pub(crate) struct Option {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What an option was given.
pub(crate) enum Value {
    Text(LitStr),
    Number(String),
    Texts(Vec<LitStr>),
    Function(Path),
}

/// What an option takes.
#[derive(Clone, Copy)]
enum Form {
    Text(&'static str),
    Number,
    Texts(&'static str),
    Function,
}

/// Every option, with an example of its value for the error that refuses another.
const FORMS: &[(&str, Form)] = &[
    ("name", Form::Text("browse")),
    ("hosts", Form::Texts("api.example.com")),
    ("tps", Form::Number),
    ("rate", Form::Number),
    ("vus", Form::Number),
    ("max_vus", Form::Number),
    ("spawn_rate", Form::Number),
    ("iterations", Form::Number),
    ("iterations_per_vu", Form::Number),
    ("duration", Form::Text("30s")),
    ("warmup", Form::Text("5s")),
    ("grace", Form::Text("10s")),
    ("max_lag", Form::Text("10s")),
    ("coalesce", Form::Text("1ms")),
    ("cookies", Form::Text("keep")),
    ("target", Form::Text("http://localhost:8080")),
    ("stage", Form::Texts("30s:1000")),
    ("vus_stage", Form::Texts("30s:50")),
    ("vus_shape", Form::Text("20 + 15*sin(t/60)")),
    ("shape", Form::Text("100 + 50*sin(t/60)")),
    ("burst", Form::Text("500/10s")),
    ("threshold", Form::Texts("response.p95 < 200ms")),
    ("setup", Form::Function),
    ("teardown", Form::Function),
    ("start", Form::Function),
    ("stop", Form::Function),
];

/// The options of `#[scenario]`: all of them.
pub(crate) fn of_a_scenario() -> Vec<&'static str> {
    FORMS.iter().map(|(key, _)| *key).collect()
}

/// Options in the order in which they were written, each at most once.
pub(crate) struct Options;

impl Options {
    /// Parses what stands in the parentheses of the attribute `what`, which knows the options
    /// `known`.
    pub(crate) fn parse(what: &str, known: &[&str], tokens: TokenStream) -> Result<Vec<Option>> {
        let options: Vec<Option> =
            Punctuated::<Option, Token![,]>::parse_terminated.parse2(tokens)?.into_iter().collect();
        for (position, option) in options.iter().enumerate() {
            if !known.iter().any(|key| option.key == key) {
                return Err(Error::new(
                    option.key.span(),
                    format!(
                        "#[{what}] has no option `{}`; it has {}",
                        option.key,
                        known.join(", ")
                    ),
                ));
            }
            if options[..position].iter().any(|earlier| earlier.key == option.key) {
                return Err(Error::new(
                    option.key.span(),
                    format!("`{}` is given twice: keep one", option.key),
                ));
            }
        }
        Ok(options)
    }
}

impl Parse for Option {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key: Ident = input.parse()?;
        let form = FORMS.iter().find(|(name, _)| key == name).map(|(_, form)| *form);
        let value = match form {
            Some(form) => form.parse(&key, input)?,
            None => skip(input)?,
        };
        Ok(Self { key, value })
    }
}

impl Form {
    fn parse(self, key: &Ident, input: ParseStream<'_>) -> Result<Value> {
        let wrong = |span| Error::new(span, format!("`{key}` takes {}", self.example(key)));
        if let Form::Texts(_) = self {
            if !input.peek(syn::token::Paren) {
                return Err(wrong(if input.is_empty() { key.span() } else { input.span() }));
            }
            let inside;
            parenthesized!(inside in input);
            let span = inside.span();
            let texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)
                .map_err(|error| wrong(error.span()))?;
            return if texts.is_empty() {
                Err(wrong(span))
            } else {
                Ok(Value::Texts(texts.into_iter().collect()))
            };
        }
        if !input.peek(Token![=]) {
            return Err(wrong(key.span()));
        }
        input.parse::<Token![=]>()?;
        let span = if input.is_empty() { key.span() } else { input.span() };
        match self {
            Form::Function => input.parse().map(Value::Function).map_err(|_| wrong(span)),
            Form::Text(_) => input.parse().map(Value::Text).map_err(|_| wrong(span)),
            Form::Number => match input.parse() {
                Ok(Lit::Int(number)) if number.suffix().is_empty() => {
                    Ok(Value::Number(number.base10_digits().to_owned()))
                }
                Ok(Lit::Float(number)) if number.suffix().is_empty() => {
                    Ok(Value::Number(number.base10_digits().to_owned()))
                }
                _ => Err(wrong(span)),
            },
            Form::Texts(_) => unreachable!("a list was parsed above"),
        }
    }

    fn example(self, key: &Ident) -> String {
        match self {
            Form::Text(example) => format!("a text: `{key} = \"{example}\"`"),
            Form::Number => format!("a number: `{key} = 100`"),
            Form::Texts(example) => format!("texts in parentheses: `{key}(\"{example}\")`"),
            Form::Function => format!("the name of a function: `{key} = a_function`"),
        }
    }
}

/// Passes over the value of an option that does not exist, so that the error is about the option.
fn skip(input: ParseStream<'_>) -> Result<Value> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(Value::Texts(Vec::new()))
}
