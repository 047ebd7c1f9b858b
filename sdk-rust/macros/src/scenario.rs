//! `#[scenario]`: the function stays as it is; beside it stands its registration.
//!
//! It is kept a function of its own in the compiled scenario, so that a trap in it names it. That
//! costs a call an iteration.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, LitStr, Meta, Path, Result, Type,
};

use crate::options::{self, Options, Value};
use crate::signature;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = signature::function("scenario", item.clone())
        .and_then(|function| forward(options, &function));
    match expanded {
        Ok(registration) => quote! {
            #[inline(never)]
            #item
            #registration
        },
        Err(error) => [item, error.to_compile_error()].into_iter().collect(),
    }
}

/// The options, sorted by what they are for.
struct Settings {
    name: LitStr,
    hosts: Vec<LitStr>,
    /// Flags of the command line, with their values.
    defaults: Vec<(String, String)>,
    setup: Option<Path>,
    teardown: Option<Path>,
    start: Option<Path>,
    stop: Option<Path>,
}

fn forward(options: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let signature = &function.sig;
    signature::check("scenario", signature)?;
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a scenario is one function: remove the generic parameters, and call a generic \
            function from it",
        ));
    }
    let settings = Settings::parse(options, function)?;
    let arguments = arguments(function, &settings)?;

    let Settings { name, hosts, defaults, setup, teardown, start, stop } = settings;
    let description = description(&function.attrs);
    let (flags, values): (Vec<_>, Vec<_>) = defaults.into_iter().unzip();
    let (has_setup, has_start) =
        (setup.is_some() || teardown.is_some(), start.is_some() || stop.is_some());

    let given_data = setup.is_some();
    let given_state = start.is_some();
    let setup = hook(setup, true, quote!(), quote!(::core::result::Result::Ok(())));
    let start = hook(start, given_data, quote!(_: &_), quote!(::core::result::Result::Ok(())));
    let stop = hook(stop, given_state, quote!(_), quote!(::core::result::Result::Ok(())));
    let teardown = hook(teardown, given_data, quote!(_), quote!(::core::result::Result::Ok(())));
    let run = &signature.ident;
    let (state, data) =
        (Ident::new("state", Span::mixed_site()), Ident::new("data", Span::mixed_site()));

    Ok(quote! {
        const _: () = {
            static SCENARIO: ::swell::__private::Scenario = ::swell::__private::Scenario {
                name: #name,
                description: #description,
                has_setup: #has_setup,
                has_start: #has_start,
                defaults: &[#((#flags, #values)),*],
                hosts: &[#(#hosts),*],
                life: &::swell::__private::Hooks {
                    setup: #setup,
                    start: #start,
                    run: |#state: &mut _, #data: &_| #run(#(#arguments),*),
                    stop: #stop,
                    teardown: #teardown,
                },
            };
            extern "C" fn register() {
                ::swell::__private::register(&SCENARIO);
            }
            #[used]
            #[cfg_attr(target_family = "wasm", unsafe(link_section = ".init_array"))]
            static REGISTER: extern "C" fn() = register;
        };
    })
}

/// A hook as the library takes it: the function itself when it `takes` the argument, else a closure
/// that drops it.
fn hook(
    function: std::option::Option<Path>,
    takes: bool,
    parameter: TokenStream,
    nothing: TokenStream,
) -> TokenStream {
    match function {
        Some(function) if takes => quote!(#function),
        Some(function) => {
            let span = function.span();
            quote_spanned!(span=> |#parameter| #function())
        }
        None => quote!(|#parameter| #nothing),
    }
}

/// What the scenario is called with: `state` for a `&mut`, `data` for a `&`.
fn arguments(function: &ItemFn, settings: &Settings) -> Result<Vec<Ident>> {
    let (mut state, mut data) = (false, false);
    let mut arguments = Vec::new();
    for input in &function.sig.inputs {
        let reference = match input {
            FnArg::Receiver(receiver) => {
                return Err(Error::new(
                    receiver.self_token.span,
                    "a scenario is a plain function: move it out of the `impl`, and keep state in \
                    what `start` returns",
                ));
            }
            FnArg::Typed(parameter) => match &*parameter.ty {
                Type::Reference(reference) => reference,
                other => {
                    return Err(Error::new(
                        other.span(),
                        "a scenario takes `&mut S`, what `start` returned, and `&D`, what `setup` \
                        returned, or neither",
                    ));
                }
            },
        };
        let (taken, hook, given) = match reference.mutability {
            Some(_) => (&mut state, "start", settings.start.is_some()),
            None => (&mut data, "setup", settings.setup.is_some()),
        };
        if std::mem::replace(taken, true) {
            return Err(Error::new_spanned(
                reference,
                format!("what `{hook}` returned is taken twice: remove one parameter"),
            ));
        }
        if !given {
            let cure = format!(
                "nothing makes this value: write `#[scenario({hook} = a_function)]` with a \
                function that returns it"
            );
            return Err(Error::new_spanned(reference, cure));
        }
        let name = if hook == "start" { "state" } else { "data" };
        arguments.push(Ident::new(name, Span::mixed_site().located_at(reference.elem.span())));
    }
    Ok(arguments)
}

impl Settings {
    fn parse(options: TokenStream, function: &ItemFn) -> Result<Self> {
        let ident = &function.sig.ident;
        let name = LitStr::new(&ident.to_string(), ident.span());
        let mut settings = Self {
            name,
            hosts: Vec::new(),
            defaults: Vec::new(),
            setup: None,
            teardown: None,
            start: None,
            stop: None,
        };
        for option in Options::parse("scenario", &options::of_a_scenario(), options)? {
            settings.set(&option.key.to_string(), option.value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: Value) -> Result<()> {
        let flag = key.replace('_', "-");
        match (key, value) {
            ("name", Value::Text(name)) if name.value().is_empty() => {
                return Err(Error::new_spanned(name, "a scenario's name is not empty"));
            }
            ("name", Value::Text(name)) => self.name = name,
            ("hosts", Value::Texts(hosts)) => self.hosts = hosts,
            ("setup", Value::Function(function)) => self.setup = Some(function),
            ("teardown", Value::Function(function)) => self.teardown = Some(function),
            ("start", Value::Function(function)) => self.start = Some(function),
            ("stop", Value::Function(function)) => self.stop = Some(function),
            (_, Value::Text(text)) => self.defaults.push((flag, text.value())),
            (_, Value::Number(number)) => self.defaults.push((flag, number)),
            (_, Value::Texts(texts)) => {
                self.defaults.extend(texts.iter().map(|text| (flag.clone(), text.value())))
            }
            (_, Value::Function(_)) => {
                unreachable!("the four hooks are the only options that take a function")
            }
        }
        Ok(())
    }
}

/// The first paragraph of the doc comment, as one line.
fn description(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let paragraph: Vec<String> =
        lines.skip_while(String::is_empty).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}
