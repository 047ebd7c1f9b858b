//! The names that this machine knows without asking: hosts(5), and its own.

use std::net::IpAddr;

/// The addresses of a name in the text of a hosts file, of both IP versions, in its order; a line
/// that cannot be read is passed over, as libc does.
pub(super) fn find(hosts: &str, name: &str) -> Vec<IpAddr> {
    let name = name.trim_end_matches('.');
    let mut found = Vec::new();
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(Ok(ip)) = words.next().map(str::parse) else { continue };
        if words.any(|known| known.trim_end_matches('.').eq_ignore_ascii_case(name))
            && !found.contains(&ip)
        {
            found.push(ip);
        }
    }
    found
}

/// Whether a name means this machine on every machine (RFC 6761, 6.3).
pub(super) fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &str = "127.0.0.1 localhost\n\n# 10.0.0.1 hidden\n10.0.0.2\tShop.test  shop # \
    later\n::2 shop.test\nnonsense shop\n10.0.0.2 shop\n10.0.0.3 \
                         my_service other.test.\r\n";

    fn found(name: &str) -> Vec<String> {
        find(HOSTS, name).iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn a_name_has_all_its_lines_once_whatever_its_case_and_final_dot() {
        assert_eq!(found("shop.TEST."), ["10.0.0.2", "::2"]);
        assert_eq!(found("shop"), ["10.0.0.2"]);
        assert_eq!(found("my_service"), ["10.0.0.3"]);
        assert_eq!(found("other.test"), ["10.0.0.3"]);
    }

    #[test]
    fn what_is_commented_out_or_only_a_part_of_a_name_is_not_found() {
        for name in ["hidden", "later", "test", "hop", "10.0.0.2", "nonsense"] {
            assert!(found(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn localhost_is_this_machine_and_what_only_looks_like_it_is_not() {
        assert!(
            is_this_machine("localhost")
                && is_this_machine("LocalHost.")
                && is_this_machine("a.localhost")
        );
        assert!(!is_this_machine("notlocalhost") && !is_this_machine("localhost.test"));
    }
}
