//! Files of certificates and keys in PEM form, and what people give instead: the error says what
//! the file is, and how to make the right one of it.

use std::path::Path;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::OptionsError;

/// The certificates of a file, at least one; `flag` is the flag that named the file.
///
/// # Errors
/// It cannot be read, or has no certificate in it; the error says what it has instead.
pub fn certificates(
    flag: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let wrong = |reason| OptionsError::File { flag, path: path.into(), reason };
    let text = read(path).map_err(wrong)?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| wrong(damaged(&e)))?;
    if found.is_empty() { Err(wrong(instead_of_a_certificate(&text, path))) } else { Ok(found) }
}

/// The private key of a file, as [`certificates`].
///
/// # Errors
/// It cannot be read, is encrypted, or has no key in it.
pub fn key(flag: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, OptionsError> {
    let wrong = |reason| OptionsError::File { flag, path: path.into(), reason };
    let text = read(path).map_err(wrong)?;
    if is_encrypted(&text) {
        return Err(wrong(encrypted(path)));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => wrong(instead_of_a_key(&text, path)),
        error => wrong(damaged(&error)),
    })
}

/// The file's bytes, without the byte order mark that editors of Windows put in front.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes))
}

fn damaged(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("is cut short: {:?} is missing", String::from_utf8_lossy(end_marker))
        }
        pem::Error::IllegalSectionStart { line } => {
            format!("is damaged at {:?}", String::from_utf8_lossy(line))
        }
        pem::Error::Base64Decode(_) => {
            "is damaged: what stands between BEGIN and END is no base64".into()
        }
        other => format!("is damaged: {other}"),
    }
}

/// The words after BEGIN in the first line that has it.
fn label(text: &[u8]) -> Option<String> {
    let line = text
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.trim_ascii().strip_prefix(b"-----BEGIN "))?;
    Some(String::from_utf8_lossy(line.strip_suffix(b"-----").unwrap_or(line)).into_owned())
}

fn is_encrypted(text: &[u8]) -> bool {
    let has = |words: &[u8]| text.windows(words.len()).any(|at| at == words);
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

fn encrypted(path: &Path) -> String {
    format!(
        "is encrypted, and a passphrase is not asked for\nhelp: decrypt it: openssl pkey -in {} \
        -out plain.pem",
        path.display()
    )
}

fn instead_of_a_certificate(text: &[u8], path: &Path) -> String {
    let path = path.display();
    match label(text).as_deref() {
        Some(label) if label.ends_with("PRIVATE KEY") => {
            "holds a private key and no certificate\nhelp: the certificate and its key are \
            given by a flag each"
                .into()
        }
        Some("TRUSTED CERTIFICATE") => {
            format!(
                "holds a certificate with OpenSSL's own trust settings\nhelp: take them off: \
            openssl x509 -in {path} -out plain.pem"
            )
        }
        Some("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") => {
            "holds a request for a certificate and no certificate\nhelp: give what the authority \
            made of it"
                .into()
        }
        Some("PKCS7" | "CMS") => {
            format!(
                "holds certificates as PKCS#7\nhelp: unpack them: openssl pkcs7 -print_certs \
            -in {path} -out certificates.pem"
            )
        }
        Some(label) => format!("holds {label:?} and no certificate in PEM form"),
        None => match Der::of(text) {
            Some(Der::Pkcs12) => pkcs12(path, "-nokeys", "certificate.pem"),
            Some(Der::Certificate) => format!(
                "is a certificate in DER form, and PEM is needed\nhelp: convert it: openssl x509 \
                -inform DER -in {path} -out certificate.pem"
            ),
            Some(Der::Key | Der::EncryptedKey) => {
                "holds a private key and no certificate, and in DER form\nhelp: the \
                certificate and its key are given by a flag each, both in PEM form"
                    .into()
            }
            None => "holds no certificate in PEM form, which begins with -----BEGIN \
            CERTIFICATE-----"
                .into(),
        },
    }
}

fn instead_of_a_key(text: &[u8], path: &Path) -> String {
    let shown = path.display();
    match label(text).as_deref() {
        Some("CERTIFICATE" | "TRUSTED CERTIFICATE") => {
            "holds a certificate and no private key\nhelp: the certificate and its key are \
            given by a flag each"
                .into()
        }
        Some("OPENSSH PRIVATE KEY") => {
            format!(
                "is a key of OpenSSH's own form\nhelp: convert a copy of it: ssh-keygen -p -N \
            '' -m PEM -f {shown}"
            )
        }
        Some(label) if label.ends_with("PUBLIC KEY") => "holds the public half of a key\nhelp: \
        give the private half"
            .into(),
        Some(label) => format!(
            "holds {label:?} and no private key that can be used; RSA, ECDSA \
        and Ed25519 keys in PEM form can"
        ),
        None => match Der::of(text) {
            Some(Der::Pkcs12) => pkcs12(shown, "-nocerts -nodes", "key.pem"),
            Some(Der::Certificate) => {
                "holds a certificate and no private key, and in DER form\nhelp: the \
                certificate and its key are given by a flag each, both in PEM form"
                    .into()
            }
            Some(Der::Key) => {
                format!(
                    "is a key in DER form, and PEM is needed\nhelp: convert it: openssl pkey \
                -inform DER -in {shown} -out key.pem"
                )
            }
            Some(Der::EncryptedKey) => encrypted(path),
            None => "holds no private key in PEM form, which begins with -----BEGIN PRIVATE \
            KEY-----"
                .into(),
        },
    }
}

fn pkcs12(path: impl std::fmt::Display, part: &str, made: &str) -> String {
    format!(
        "is a PKCS#12 file, and PEM is needed\nhelp: unpack it: openssl pkcs12 -in {path} {part} \
        -out {made}"
    )
}

/// The kind of a file in DER form, as the first elements of its outer sequence show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Der {
    Certificate,
    Key,
    EncryptedKey,
    Pkcs12,
}

impl Der {
    fn of(bytes: &[u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const OBJECT: u8 = 0x06;
        let inside = contents(bytes, SEQUENCE)?;
        match inside {
            // PFX has version 3 (RFC 7292, 4); a key has 0 or 1, whichever its form (RFC 5958, 2;
            // RFC 8017, A.1.2; RFC 5915, 3).
            [2, 1, 3, ..] => Some(Self::Pkcs12),
            [2, 1, 0 | 1, ..] => Some(Self::Key),
            // An algorithm first is an encrypted key (RFC 5958, 3), anything else in sequence a
            // certificate (RFC 5280, 4.1).
            _ => match contents(inside, SEQUENCE)? {
                [OBJECT, ..] => Some(Self::EncryptedKey),
                _ => Some(Self::Certificate),
            },
        }
    }
}

/// The content of an element, without its tag and its length.
fn contents(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (&[first, length], rest) = bytes.split_first_chunk()?;
    let more = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    rest.get(more..).filter(|_| first == tag)
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;

    fn said<T>(
        content: &[u8],
        load: impl Fn(&'static str, &Path) -> Result<T, OptionsError>,
    ) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("given");
        std::fs::write(&path, content).expect("a file");
        load("--flag", &path).err().expect("not what is needed").to_string()
    }

    fn pem(label: &str) -> Vec<u8> {
        format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").into_bytes()
    }

    #[test]
    fn what_is_no_certificate_is_told_what_it_is_and_how_to_make_one_of_it() {
        let key = KeyPair::generate().expect("a key");
        let cases: [(Vec<u8>, &str); 10] = [
            (key.serialize_pem().into(), "private key and no certificate"),
            (key.serialize_der(), "private key and no certificate"),
            (pem("CERTIFICATE REQUEST"), "a request"),
            (pem("TRUSTED CERTIFICATE"), "openssl x509"),
            (pem("PKCS7"), "openssl pkcs7"),
            (vec![0x30, 0x82, 9, 9, 2, 1, 3, 0x30], "openssl pkcs12"),
            (vec![0x30, 0x82, 9, 9, 0x30, 0x82, 9, 9, 0xa0], "openssl x509 -inform DER"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n".to_vec(), "cut short"),
            (
                b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n".to_vec(),
                "no base64",
            ),
            (b"hello".to_vec(), "-----BEGIN CERTIFICATE-----"),
        ];
        for (content, expected) in cases {
            let said = said(&content, certificates);
            assert!(
                said.contains(expected) && said.starts_with("--flag ") && said.contains("given"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_no_key_is_told_what_it_is_and_how_to_make_one_of_it() {
        let cases: [(Vec<u8>, &str); 10] = [
            (pem("ENCRYPTED PRIVATE KEY"), "is encrypted"),
            (
                b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: \
            AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
                    .to_vec(),
                "is encrypted",
            ),
            (vec![0x30, 0x82, 9, 9, 0x30, 9, 6, 9], "is encrypted"),
            (pem("CERTIFICATE"), "certificate and no private key"),
            (pem("OPENSSH PRIVATE KEY"), "ssh-keygen"),
            (pem("PUBLIC KEY"), "public half"),
            (pem("DSA PRIVATE KEY"), "\"DSA PRIVATE KEY\""),
            (vec![0x30, 0x82, 9, 9, 2, 1, 3, 0x30], "openssl pkcs12"),
            (KeyPair::generate().expect("a key").serialize_der(), "openssl pkey -inform DER"),
            (Vec::new(), "-----BEGIN PRIVATE KEY-----"),
        ];
        for (content, expected) in cases {
            let said = said(&content, key);
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        std::fs::write(
            &path,
            format!("\u{feff}{}", KeyPair::generate().expect("a key").serialize_pem()),
        )
        .expect("a file");
        key("--key", &path).expect("a key");
    }
}
