//! Hashes, for `k6/crypto`.

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::Md5;
use ripemd::Ripemd160;
use rquickjs::function::Opt;
use rquickjs::{ArrayBuffer, Ctx, Exception, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

use crate::body::bytes;

/// The hash of these bytes; with a key, the code by which who has it knows them (HMAC).
pub(crate) fn digest<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    data: Value<'js>,
    key: Opt<Value<'js>>,
) -> rquickjs::Result<ArrayBuffer<'js>> {
    let data = bytes(&data)?;
    let key = key.0.filter(|key| !key.is_undefined()).map(|key| bytes(&key)).transpose()?;
    match hash(&algorithm, &data, key.as_deref()) {
        Some(hash) => ArrayBuffer::new(ctx, hash),
        None => Err(Exception::throw_type(&ctx, &format!("there is no hash {algorithm:?}"))),
    }
}

fn hash(algorithm: &str, data: &[u8], key: Option<&[u8]>) -> Option<Vec<u8>> {
    macro_rules! one_of {
        ($($name:literal: $hash:ty),* $(,)?) => {
            match (algorithm, key) {
                $(
                    ($name, None) => Some(<$hash>::digest(data).to_vec()),
                    ($name, Some(key)) => {
                        let mut code =
                            Hmac::<$hash>::new_from_slice(key).expect("a key may have any length");
                        code.update(data);
                        Some(code.finalize().into_bytes().to_vec())
                    }
                )*
                _ => None,
            }
        };
    }
    one_of! {
        "md4": Md4,
        "md5": Md5,
        "sha1": Sha1,
        "sha256": Sha256,
        "sha384": Sha384,
        "sha512": Sha512,
        "sha512_224": Sha512_224,
        "sha512_256": Sha512_256,
        "ripemd160": Ripemd160,
    }
}
