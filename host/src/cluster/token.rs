//! `host token`: a cluster's identity, made before any of its hosts is up.
//!
//! A coordinator that founds its cluster as it starts is another cluster after each restart. One
//! that is given a file is the same again, and the token that was drawn with the file can be handed
//! out, or put into a Secret, beforehand. The file is TOML with PEM inside, so that a person sees
//! what it is; no error quotes from it, for errors go to logs.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use serde::Deserialize;
use swell_cluster::{Authority, ClusterClock, Desk, Token, TokenRegister, UsesFile};
use swell_core::units;

use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Found a cluster: write its certificate, its private key and the token to this file, for
    /// `host node --listen ADDR --cluster FILE`. It may not exist yet.
    #[arg(long, value_name = "FILE", required = true)]
    new_cluster: PathBuf,

    /// Where the coordinator will be found, as 10.0.0.1:7600 or swell-0.swell:7600; repeatable.
    #[arg(long = "address", value_name = "ADDR", required = true)]
    addresses: Vec<String>,

    /// How long the token admits. Who was admitted stays.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30d",
        allow_hyphen_values = true,
        value_parser = parse_lifetime
    )]
    expires: Duration,

    /// How many hosts and commands the token admits; a host that is started again is another one.
    #[arg(long, value_name = "N", default_value_t = USES, allow_hyphen_values = true)]
    uses: NonZeroU32,
}

const USES: NonZeroU32 = NonZeroU32::new(1_000_000).expect("a million is not zero");

fn parse_lifetime(text: &str) -> Result<Duration, String> {
    match units::parse_duration(text) {
        // Tokens end at whole seconds.
        Ok(lifetime) if lifetime.as_secs() == 0 => {
            Err("a token that ends at once admits nobody".to_owned())
        }
        Ok(lifetime) => Ok(lifetime),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes the file, and prints the token and nothing else to stdout.
///
/// # Errors
/// The file exists or cannot be written, or an address cannot be dialled. Nothing has been made.
pub(crate) fn token(args: &TokenArgs) -> anyhow::Result<()> {
    let cluster = NewCluster::draw(args.addresses.clone(), args.expires, args.uses)?;
    let path = &args.new_cluster;
    write_secret(path, &cluster.file())?;
    let port = args.addresses[0].rsplit(':').next().unwrap_or_default();
    let shown = path.display();
    terminal::say(format_args!(
        "made {shown}; it holds the cluster's private key: whoever can read it can lead the cluster"
    ));
    terminal::say(format_args!(
        "the coordinator: host node --listen 0.0.0.0:{port} --cluster {shown}"
    ));
    terminal::say("any other host: host node --token TOKEN");
    Ok(terminal::show(format_args!("{}\n", cluster.token))?)
}

/// A cluster that no host belongs to yet, and the token that is drawn with it.
pub(crate) struct NewCluster {
    desk: Desk,
    pub(crate) token: Token,
}

impl NewCluster {
    /// Draws both.
    ///
    /// # Errors
    /// An address cannot be dialled, or there are too many or none.
    pub(crate) fn draw(
        addresses: Vec<String>,
        lifetime: Duration,
        uses: NonZeroU32,
    ) -> anyhow::Result<Self> {
        let desk = Desk::new(Authority::found()?, TokenRegister::default());
        let token = desk.issue(addresses, lifetime, uses, &ClusterClock::of_this_machine())?;
        Ok(Self { desk, token })
    }

    /// What [`read_cluster`] reads. Neither PEM nor a token has a sign that TOML would take for its
    /// own.
    pub(crate) fn file(&self) -> String {
        let authority = self.desk.authority();
        let (certificate, key) = (authority.certificate_pem().trim_end(), authority.key_pem());
        format!(
            "# A cluster of Swell's, for `host node --listen ADDR --cluster FILE`. Whoever can \
            read this can lead the cluster.\n\
             certificate = \"\"\"\n{certificate}\n\"\"\"\nkey = \"\"\"\n{}\n\"\"\"\ntokens = [\n  \
             \"{}\",\n]\n",
            key.trim_end(),
            self.token
        )
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterFile {
    certificate: String,
    key: String,
    tokens: Vec<String>,
}

/// Where hosts of the cluster of this file are admitted.
///
/// # Errors
/// The file cannot be read, or by everybody, or is not as [`NewCluster::file`] writes it; or no
/// count can be kept of a token that does not admit any number.
pub(super) fn read_cluster(path: &Path) -> anyhow::Result<Desk> {
    let (authority, mut register) = read(path)?;
    // To a million nobody counts, and a Secret of Kubernetes is in a folder that nothing can be
    // written to.
    if register.tokens().all(|token| token.uses_left >= USES.get()) {
        return Ok(Desk::new(authority, register));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".uses");
    let beside = PathBuf::from(beside);
    let uses = UsesFile::open(&beside, &mut register).with_context(|| {
        let shown = beside.display();
        format!(
            "cannot keep count in {shown} of how often a token was used\nhelp: a token without \
        --uses needs no count, and its file may stay where nothing can be written"
        )
    })?;
    Ok(Desk::new(authority, register).noting(uses))
}

fn read(path: &Path) -> anyhow::Result<(Authority, TokenRegister)> {
    let shown = path.display();
    let whole = || {
        let mut file = File::open(path)?;
        let (mut text, mode) = (String::new(), file.metadata()?.permissions().mode() & 0o7777);
        file.read_to_string(&mut text)?;
        Ok::<_, std::io::Error>((text, mode))
    };
    let (text, mode) = match whole() {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "there is no file {shown}\nhelp: make it with `host token --new-cluster {shown} \
                --address ADDR`"
            )
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(damaged(path, "it is no text"));
        }
        Err(error) => return Err(anyhow!(error).context(format!("cannot read {shown}"))),
    };
    // Its group may read it: so does Kubernetes hand out a Secret to who does not run as root.
    ensure!(
        mode & 0o007 == 0,
        "{shown} holds a cluster's private key, and is open to everybody on this machine (mode \
        {mode:04o})\nhelp: chmod o= {shown}"
    );
    parse(&text).map_err(|what| damaged(path, &what))
}

fn damaged(path: &Path, what: &str) -> anyhow::Error {
    let shown = path.display();
    anyhow!(
        "{shown} is no cluster's file, or is damaged: {what}\nhelp: take the file that `host token \
        --new-cluster` made; with another one, all hosts need its token"
    )
}

/// Says what is wrong without a word of the text.
fn parse(text: &str) -> Result<(Authority, TokenRegister), String> {
    let written: ClusterFile = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) if span.start > 0 => {
            format!("line {}", text[..span.start].lines().count().max(1))
        }
        _ => "`certificate`, `key` and `tokens` are needed, and nothing else".to_owned(),
    })?;
    let authority = Authority::from_pem(&written.certificate, &written.key)
        .map_err(|error| error.to_string())?;
    let mut register = TokenRegister::default();
    for (place, word) in written.tokens.iter().enumerate() {
        let wrong = |what: &str| format!("token {} of `tokens`: {what}", place + 1);
        // What tokens advise is for who typed one.
        let token: Token = word
            .parse()
            .map_err(|error: swell_cluster::TokenError| wrong(headline(&error.to_string())))?;
        if token.pin() != authority.pin() {
            return Err(wrong("it is of another cluster"));
        }
        register.add(&token);
    }
    Ok((authority, register))
}

fn headline(error: &str) -> &str {
    error.lines().next().unwrap_or_default()
}

/// Writes a file that is for its owner alone and was not there.
fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let shown = path.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{shown} exists already, and may be a cluster in use\nhelp: choose another name, \
                or remove it first"
            )
        }
        Err(error) => return Err(anyhow!(error).context(format!("cannot make {shown}"))),
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file is of no use, and would be in the way.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn() -> NewCluster {
        NewCluster::draw(
            vec!["swell-0.swell:7600".into(), "10.0.0.1:7600".into()],
            Duration::from_secs(3_600),
            USES,
        )
        .unwrap()
    }

    /// Why this text is refused.
    fn refusal(folder: &Path, text: impl AsRef<[u8]>) -> String {
        let path = folder.join("damaged");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = format!("{:#}", read_cluster(&path).expect_err("it is damaged"));
        assert!(error.contains("damaged") && error.contains("help: "), "{error}");
        error
    }

    #[test]
    fn a_cluster_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, cluster) = (folder.path().join("cluster.toml"), drawn());
        write_secret(&path, &cluster.file()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let desk = read_cluster(&path).unwrap();
        assert_eq!(desk.authority().pin(), cluster.token.pin());
        assert_eq!(desk.authority().key_pem(), cluster.desk.authority().key_pem());
        let known = desk.tokens();
        assert_eq!(known, cluster.desk.tokens());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "to a million nobody counts"
        );
        assert!(
            known.len() == 1
                && known[0].id == cluster.token.id()
                && known[0].uses_left == USES.get()
        );
        assert_eq!(cluster.token.addresses(), ["swell-0.swell:7600", "10.0.0.1:7600"]);
    }

    #[test]
    fn of_a_token_with_few_uses_count_is_kept_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.toml");
        let cluster = NewCluster::draw(
            vec!["10.0.0.1:7600".into()],
            Duration::from_secs(3_600),
            NonZeroU32::MIN,
        )
        .unwrap();
        write_secret(&path, &cluster.file()).unwrap();
        let desk = read_cluster(&path).unwrap();
        let uses = folder.path().join("cluster.toml.uses");
        assert_eq!(
            (desk.tokens()[0].uses_left, uses.metadata().unwrap().permissions().mode() & 0o777),
            (1, 0o600)
        );
        std::fs::write(
            &uses,
            format!("{} 0000000000000001 {}\n", cluster.token.id(), "07".repeat(32)),
        )
        .unwrap();
        assert_eq!(read_cluster(&path).unwrap().tokens()[0].uses_left, 0);
        std::fs::remove_file(&uses).unwrap();
        std::fs::create_dir(&uses).unwrap();
        let error = format!("{:#}", read_cluster(&path).expect_err("it cannot be written"));
        assert!(error.contains("cannot keep count") && error.contains("--uses"), "{error}");
    }

    #[test]
    fn a_file_that_exists_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.toml");
        std::fs::write(&path, "precious").unwrap();
        let error = write_secret(&path, &drawn().file()).expect_err("it exists").to_string();
        assert!(error.contains("exists already") && error.contains("help: "), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused_and_one_for_a_group_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.toml");
        write_secret(&path, &drawn().file()).unwrap();
        for (mode, well) in
            [(0o400, true), (0o440, true), (0o640, true), (0o644, false), (0o602, false)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match read_cluster(&path) {
                Ok(_) => assert!(well, "{mode:o}"),
                Err(error) => {
                    assert!(!well && error.to_string().contains("chmod o= "), "{mode:o}: {error}")
                }
            }
        }
    }

    #[test]
    fn a_damaged_file_is_refused_where_it_is_damaged_and_nothing_of_it_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (drawn(), drawn());
        let file = one.file();
        let secrets: Vec<&str> = file
            .lines()
            .filter(|line| line.len() > 40 && !line.starts_with('#'))
            .map(|line| line.trim())
            .collect();
        assert!(secrets.len() > 5, "{file}");
        let cut_key = file.replacen("-----END PRIVATE KEY-----", "", 1);
        for (text, words) in [
            (String::new(), "`certificate`, `key` and `tokens` are needed"),
            (file.replace("tokens =", "token ="), "damaged: "),
            (file.replace(",\n]\n", "\n"), "damaged: line "),
            (file.replacen("\"\"\"", "\"", 1), "damaged: line "),
            (cut_key, "key"),
            (file.replace("swell1.", "swell1.q"), "token 1 of `tokens`: this join token"),
            (
                file.replace(&one.token.to_string(), &other.token.to_string()),
                "token 1 of `tokens`: it is of another cluster",
            ),
            (
                file.replace(&one.desk.authority().key_pem(), &other.desk.authority().key_pem()),
                "key",
            ),
        ] {
            let error = refusal(folder.path(), &text);
            assert!(error.contains(words), "no {words:?} in {error}\n{text}");
            assert!(!secrets.iter().any(|secret| error.contains(secret)), "{error}");
        }
        assert!(refusal(folder.path(), [0xff, 0xfe]).contains("it is no text"));
        let nowhere =
            read_cluster(&folder.path().join("nowhere")).expect_err("it is not there").to_string();
        assert!(nowhere.contains("host token --new-cluster"), "{nowhere}");
    }

    #[test]
    fn a_token_ends_later_than_it_begins() {
        assert!(
            parse_lifetime("0").is_err()
                && parse_lifetime("10ms").is_err()
                && parse_lifetime("30").is_err()
        );
        assert_eq!(parse_lifetime("30d"), Ok(Duration::from_secs(30 * 86_400)));
    }
}
