//! What both macros ask of a function.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Error, Item, ItemFn, Result, ReturnType, Signature, Type};

/// The function under the attribute `what`.
pub(crate) fn function(what: &str, item: TokenStream) -> Result<ItemFn> {
    match syn::parse2(item)? {
        Item::Fn(function) => Ok(function),
        other => Err(Error::new(
            first_token(&other),
            format!("#[{what}] goes on a function: `fn name() -> Result<()> {{ … }}`"),
        )),
    }
}

/// Refuses `async` and a return type that is no `Result`.
pub(crate) fn check(what: &str, signature: &Signature) -> Result<()> {
    if let Some(keyword) = &signature.asyncness {
        let cure = "remove `async`: a virtual user does one thing after another and may block; \
        `http::send_all` is for what happens at once";
        return Err(Error::new(keyword.span, cure));
    }
    match &signature.output {
        ReturnType::Default => Err(Error::new(
            signature.ident.span(),
            format!("a {what} can fail: write `-> Result<()>` and end it with `Ok(())`"),
        )),
        ReturnType::Type(_, returned) if !is_result(returned) => Err(Error::new_spanned(
            returned,
            format!("a {what} returns `Result<…>`: its error is what counts as a failure"),
        )),
        ReturnType::Type(..) => Ok(()),
    }
}

/// By its name, as an alias may have another: `Result<T>`, `swell::Result<T>`, `PageResult`.
fn is_result(returned: &Type) -> bool {
    let Type::Path(path) = returned else { return false };
    path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result"))
}

/// The span of an item's keyword, for an error that shall not underline the whole item.
fn first_token(item: &Item) -> proc_macro2::Span {
    let mut tokens = item.to_token_stream().into_iter().skip_while(|token| {
        matches!(token, proc_macro2::TokenTree::Punct(_) | proc_macro2::TokenTree::Group(_))
    });
    tokens.next().map_or_else(|| item.span(), |token| token.span())
}
