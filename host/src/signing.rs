//! The keys that sign requests, from the environment of each host that sends them.
//!
//! They are read where they are used, so that they neither travel nor stand in a record: on several
//! nodes each has its own.

use std::env::{self, VarError};

use anyhow::{anyhow, bail};
use swell_client::{AwsCredentials, AwsScope, AwsSigner};

/// What signs requests for this region and service.
///
/// # Errors
/// Keys are missing, or are none: the error names the variable and nothing of its value.
pub(crate) fn aws_signer(scope: &AwsScope) -> anyhow::Result<AwsSigner> {
    signer_by(scope, |name| env::var(name))
}

fn signer_by(
    scope: &AwsScope,
    variable: impl Fn(&str) -> Result<String, VarError>,
) -> anyhow::Result<AwsSigner> {
    let read = |name: &'static str| match variable(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(anyhow!("--aws-sigv4: {name} is no text")),
    };
    let needed = |name: &'static str| {
        read(name)?.ok_or_else(|| {
            anyhow!(
                "--aws-sigv4: {name} is not set\nhelp: set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY in the environment of each host, and AWS_SESSION_TOKEN for \
                 keys that are temporary"
            )
        })
    };
    let credentials = AwsCredentials {
        key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: read("AWS_SESSION_TOKEN")?,
    };
    match AwsSigner::new(scope.clone(), credentials) {
        Ok(signer) => Ok(signer),
        Err(wrong) => bail!("--aws-sigv4: {wrong}, as the variables AWS_* have it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Result<String, String> {
        let scope = "aws:amz:eu-west-1:s3".parse().expect("a scope");
        let variable = |name: &str| {
            let found = variables.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        };
        let made = signer_by(&scope, variable);
        made.map(|signer| format!("{signer:?}")).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_come_from_the_environment_and_are_told_nowhere() {
        let (id, secret) = (("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s3cret"));
        let shown = told(&[id, secret, ("AWS_SESSION_TOKEN", "")]).expect("both are there");
        assert!(!shown.contains("AKID") && !shown.contains("s3cret"), "{shown}");
        for (variables, words) in [
            (&[secret][..], "AWS_ACCESS_KEY_ID is not set"),
            (&[id], "AWS_SECRET_ACCESS_KEY is not set"),
            (&[id, ("AWS_SECRET_ACCESS_KEY", "")], "AWS_SECRET_ACCESS_KEY is not set"),
            (&[id, ("AWS_SECRET_ACCESS_KEY", "s3cret\n")], "the secret key is none"),
        ] {
            let refused = told(variables).expect_err("something is missing");
            assert!(refused.contains(words) && !refused.contains("s3cret"), "{refused}");
        }
    }
}
