//! `#[transaction]`: the body becomes a closure for the library to run between begin and end.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, LitStr, Result};

use crate::options::{Options, Value};
use crate::signature;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = signature::function("transaction", item.clone())
        .and_then(|function| forward(options, function));
    expanded.unwrap_or_else(|error| [error.to_compile_error(), item].into_iter().collect())
}

fn forward(options: TokenStream, function: ItemFn) -> Result<TokenStream> {
    signature::check("transaction", &function.sig)?;
    let name = name(options, &function)?;
    let ItemFn { attrs, vis, sig, block } = function;
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            ::swell::__private::transaction(
                {
                    static NAME: ::swell::__private::TransactionName =
                        ::swell::__private::TransactionName::new(#name);
                    &NAME
                },
                move || #block,
            )
        }
    })
}

fn name(options: TokenStream, function: &ItemFn) -> Result<LitStr> {
    let mut name = LitStr::new(&function.sig.ident.to_string(), function.sig.ident.span());
    for option in Options::parse("transaction", &["name"], options)? {
        if let Value::Text(text) = option.value {
            name = text;
        }
    }
    match name.value().len() {
        1..=128 => Ok(name),
        _ => Err(Error::new(name.span(), "a transaction's name has 1 to 128 bytes")),
    }
}
