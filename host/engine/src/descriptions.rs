//! What messages of gRPC mean: descriptions of services, compiled without `protoc`, and by them
//! messages made of JSON, and JSON of messages.
//!
//! A scenario describes its services itself, and each of its users does so again. They are compiled
//! once a run; a user has a handle on the result, so that no lock stands between a message and its
//! JSON.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use blake3::{Hash, Hasher};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde::de::DeserializeSeed as _;

/// The most descriptions that a run keeps ready: a scenario has one, and one that makes them up has
/// each compiled where it is given.
const MAX_KEPT: usize = 32;

/// What users of a run have described.
#[derive(Default)]
pub(crate) struct Descriptions(Mutex<HashMap<Hash, Result<DescriptorPool, String>>>);

/// Files as a scenario gives them, by their names.
struct GivenFiles(HashMap<String, String>);

impl FileResolver for GivenFiles {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

impl Descriptions {
    /// What these files describe, compiled now or before.
    pub(crate) fn compiled(&self, files: Vec<(String, String)>) -> Result<DescriptorPool, String> {
        let mut hasher = Hasher::new();
        for part in files.iter().flat_map(|(name, text)| [name, text]) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        // Whoever comes meanwhile waits, as there is nothing else to do without it.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&hasher.finalize()) {
            return known.clone();
        }
        let compiled = compile(files);
        if kept.len() < MAX_KEPT {
            kept.insert(hasher.finalize(), compiled.clone());
        }
        compiled
    }
}

fn compile(files: Vec<(String, String)>) -> Result<DescriptorPool, String> {
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(GivenFiles(files.into_iter().collect()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for name in names {
        // Its form for people who look for faults has the file and the line.
        compiler.open_file(&name).map_err(|error| format!("{error:?}"))?;
    }
    Ok(compiler.descriptor_pool())
}

/// Adds what was described to what a user has.
pub(crate) fn add(services: &mut DescriptorPool, described: DescriptorPool) -> Result<(), String> {
    if services.files().len() == 0 {
        *services = described;
        return Ok(());
    }
    let files: Vec<_> = described.file_descriptor_protos().cloned().collect();
    services.add_file_descriptor_protos(files).map_err(|error| error.to_string())
}

/// A message to a method, from JSON.
pub(crate) fn encode(
    services: &DescriptorPool,
    method: &str,
    json: &str,
) -> Result<Vec<u8>, String> {
    let input = find(services, method)?.input();
    let name = input.full_name().to_owned();
    let wrong = |error: serde_json::Error| format!("this JSON is no {name}: {error}");
    let mut reader = serde_json::Deserializer::from_str(json);
    let message = input.deserialize(&mut reader).map_err(&wrong)?;
    reader.end().map_err(wrong)?;
    Ok(message.encode_to_vec())
}

/// A message that a method answers with, as JSON.
pub(crate) fn decode(
    services: &DescriptorPool,
    method: &str,
    message: &[u8],
) -> Result<String, String> {
    let output = find(services, method)?.output();
    let name = output.full_name().to_owned();
    let message = DynamicMessage::decode(output, message)
        .map_err(|error| format!("the message is no {name}: {error}"))?;
    let mut json = Vec::new();
    let options = SerializeOptions::new().skip_default_fields(false);
    message
        .serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options)
        .map_err(|error| format!("{name} cannot be told as JSON: {error}"))?;
    String::from_utf8(json).map_err(|error| error.to_string())
}

/// The method of this path.
fn find(services: &DescriptorPool, method: &str) -> Result<MethodDescriptor, String> {
    let (service, name) = method
        .trim_start_matches('/')
        .rsplit_once('/')
        .ok_or_else(|| format!("{method:?} is no method (write it as /package.Service/Method)"))?;
    let known = services.get_service_by_name(service).ok_or_else(|| {
        let all: Vec<String> =
            services.services().map(|service| service.full_name().to_owned()).collect();
        match all.is_empty() {
            true => format!("nothing describes {service}, nor any other service"),
            false => format!("nothing describes {service}; there are {}", all.join(", ")),
        }
    })?;
    known
        .methods()
        .find(|method| method.name() == name)
        .ok_or_else(|| format!("{service} has no method {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = "syntax = \"proto3\"; package a; message Item { string name = 1; }";
    const SHOP: &str = "
        syntax = \"proto3\";
        package a;
        import \"common.proto\";
        import \"google/protobuf/timestamp.proto\";
        service Shop { rpc Buy(Order) returns (Bill); }
        message Order {
          repeated Item items = 1;
          int64 number = 2;
          google.protobuf.Timestamp at = 3;
        }
        message Bill { double sum = 1; string text = 2; }";

    fn files(shop: &str) -> Vec<(String, String)> {
        [("common.proto", COMMON), ("shop.proto", shop)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .to_vec()
    }

    #[test]
    fn messages_are_made_of_json_and_json_of_messages() {
        let all = Descriptions::default();
        let mut services = DescriptorPool::new();
        add(&mut services, all.compiled(files(SHOP)).expect("it is right")).expect("the first");
        add(&mut services, all.compiled(files(SHOP)).expect("it is known")).expect("the same");
        let json = r#"{"items":[{"name":"x"}],"number":"7","at":"1970-01-01T00:00:01Z"}"#;
        let message = encode(&services, "/a.Shop/Buy", json).expect("it fits");
        assert_eq!(message, [10, 3, 10, 1, b'x', 16, 7, 26, 2, 8, 1]);
        let bill = [9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
        let told = decode(&services, "/a.Shop/Buy", &bill).expect("it is one");
        assert_eq!(told, r#"{"sum":1.5,"text":""}"#);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let all = Descriptions::default();
        let services = all.compiled(files(SHOP)).expect("it is right");
        for (method, json, words) in [
            ("/a.Shop/Buy", "{", "this JSON is no a.Order: EOF"),
            ("/a.Shop/Buy", "{\"price\":1}", "this JSON is no a.Order: "),
            ("/a.Shop/Sell", "{}", "a.Shop has no method Sell"),
            ("/b.Shop/Buy", "{}", "nothing describes b.Shop; there are a.Shop"),
            ("Buy", "{}", "\"Buy\" is no method"),
        ] {
            let refused = encode(&services, method, json).expect_err(method);
            assert!(refused.starts_with(words), "{refused}");
        }
        assert!(decode(&services, "/a.Shop/Buy", &[255]).is_err());
        let none = encode(&DescriptorPool::new(), "/a.Shop/Buy", "{}");
        assert_eq!(none, Err("nothing describes a.Shop, nor any other service".to_owned()));
        let wrong = all.compiled(files("syntax = \"proto3\";\nservice {")).expect_err("no name");
        assert!(wrong.contains("shop.proto:2"), "{wrong}");
        let lacking = all.compiled(files("syntax = \"proto3\"; import \"x.proto\";"));
        assert!(lacking.expect_err("no such file").contains("x.proto"));
    }
}
