//! Pages for the module `k6/html`: a document stays on this side, and JavaScript holds it with the
//! numbers of its nodes.

use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, Exception, Function, JsLifetime, Object};
use swell_javascript::html::{HtmlPage, PageNodeId, Selector};

/// A document that JavaScript holds; it goes when nothing holds it any more.
struct HeldPage(HtmlPage);

// SAFETY: it has no lifetime of JavaScript.
unsafe impl<'js> JsLifetime<'js> for HeldPage {
    type Changed<'to> = HeldPage;
}

impl<'js> Trace<'js> for HeldPage {
    fn trace<'a>(&self, _: Tracer<'a, 'js>) {}
}

impl<'js> JsClass<'js> for HeldPage {
    const NAME: &'static str = "HeldPage";
    type Mutable = Readable;

    fn constructor(_: &Ctx<'js>) -> rquickjs::Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

type Held<'js> = Class<'js, HeldPage>;

/// What can be asked of pages.
pub(crate) fn functions<'js>(ctx: Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let functions = Object::new(ctx.clone())?;
    macro_rules! native {
        ($($name:literal: $function:expr),* $(,)?) => {
            $(functions.set($name, Function::new(ctx.clone(), $function)?)?;)*
        };
    }
    native! {
        "parse": parse,
        "find": find,
        "matches": matches,
        "name": |page: Held<'js>, node: PageNodeId| page.borrow().0.name(node).map(str::to_owned),
        "parent": |page: Held<'js>, node: PageNodeId| page.borrow().0.parent(node),
        "children": |page: Held<'js>, node: PageNodeId| page.borrow().0.children(node).to_vec(),
        "attribute": |page: Held<'js>, node: PageNodeId, name: String| {
            page.borrow().0.attribute(node, &name.to_ascii_lowercase()).map(str::to_owned)
        },
        "attributes": attributes,
        "text": |page: Held<'js>, node: PageNodeId| page.borrow().0.text(node),
        "html": |page: Held<'js>, node: PageNodeId| page.borrow().0.html(node),
    }
    Ok(functions)
}

fn parse<'js>(ctx: Ctx<'js>, text: String) -> rquickjs::Result<Held<'js>> {
    Class::instance(ctx, HeldPage(HtmlPage::parse(&text)))
}

fn find<'js>(
    ctx: Ctx<'js>,
    page: Held<'js>,
    within: PageNodeId,
    selector: String,
) -> rquickjs::Result<Vec<PageNodeId>> {
    Ok(read(&ctx, &selector)?.find(&page.borrow().0, within))
}

fn matches<'js>(
    ctx: Ctx<'js>,
    page: Held<'js>,
    node: PageNodeId,
    selector: String,
) -> rquickjs::Result<bool> {
    Ok(read(&ctx, &selector)?.matches(&page.borrow().0, node))
}

fn read(ctx: &Ctx<'_>, selector: &str) -> rquickjs::Result<Selector> {
    Selector::parse(selector).map_err(|error| Exception::throw_syntax(ctx, &error.to_string()))
}

/// Names and values, one after the other.
fn attributes<'js>(page: Held<'js>, node: PageNodeId) -> Vec<String> {
    let page = page.borrow();
    let pairs = page.0.attributes(node).iter();
    pairs.flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
}
