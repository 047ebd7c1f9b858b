//! Reading that several parts of a head need.

/// Whether a header's list names `token`.
pub(crate) fn lists(list: &[u8], token: &[u8]) -> bool {
    list.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}
