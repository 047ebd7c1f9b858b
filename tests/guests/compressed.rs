//! Posts a body that is compressed. What arrives must be what was given, with a header that says
//! what was done to it, and the host must have done it in parts.

use swell::http::Coding;
use swell::prelude::*;

#[scenario]
fn compressed() -> Result<()> {
    let text = "a line that repeats itself\n".repeat(10_000);
    let post = || http::post("/echo").body(text.as_bytes().to_vec()).keep_body_up_to(4 << 20);
    let answer = transaction("gzip", || post().compress(Coding::Gzip).send())?;
    let inflated = format!("\"inflated\":{}", json!(text));
    ensure!(answer.text()?.contains(&inflated), "what was inflated is what was given");
    for (coding, name) in [(Coding::Deflate, "deflate"), (Coding::Br, "br"), (Coding::Zstd, "zstd")]
    {
        let answer = transaction(name, || post().compress(coding).send())?;
        let pair = format!(r#"["content-encoding","{name}"]"#);
        ensure!(answer.text()?.contains(&pair), "the header says {name}");
    }
    let twice = post().compress(Coding::Gzip).compress(Coding::Br);
    let answer = transaction("twice", || twice.send())?;
    ensure!(answer.text()?.contains(r#"["content-encoding","gzip, br"]"#), "both in their order");
    let nothing = http::post("/echo").compress(Coding::Gzip).keep_body();
    let answer = transaction("nothing", || nothing.send())?;
    ensure!(!answer.text()?.contains("content-encoding"), "nothing is not compressed");
    Ok(())
}
