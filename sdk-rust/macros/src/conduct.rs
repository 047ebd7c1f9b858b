//! `#[conduct]`: the function stays as it is; beside it stands its registration.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result};

use crate::signature;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = signature::function("conduct", item.clone())
        .and_then(|function| forward(options, &function));
    match expanded {
        Ok(registration) => quote!(#item #registration),
        Err(error) => [item, error.to_compile_error()].into_iter().collect(),
    }
}

fn forward(options: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let signature = &function.sig;
    signature::check("conduct", signature)?;
    if !options.is_empty() {
        return Err(Error::new_spanned(
            options,
            "#[conduct] takes no options: what is run and how is said in the function",
        ));
    }
    if let Some(input) = signature.inputs.first() {
        return Err(Error::new_spanned(
            input,
            "the function that conducts takes nothing; settings come from `context::variable`, \
            given with `-e`",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "the function that conducts is one function: remove the generic parameters",
        ));
    }
    let (ident, name) = (&signature.ident, signature.ident.to_string());
    Ok(quote! {
        const _: () = {
            static CONDUCT: ::swell::__private::Conduct =
                ::swell::__private::Conduct { name: #name, run: #ident };
            extern "C" fn register() {
                ::swell::__private::register_conduct(&CONDUCT);
            }
            #[used]
            #[cfg_attr(target_family = "wasm", unsafe(link_section = ".init_array"))]
            static REGISTER: extern "C" fn() = register;
        };
    })
}
