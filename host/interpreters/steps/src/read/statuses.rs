//! Statuses, as people write them.

/// Statuses: one, a class as "2xx", or a range as "200-204".
///
/// # Errors
/// It is none of these.
pub fn parse_statuses(text: &str) -> Result<(u16, u16), String> {
    let read = || {
        if let Some(class) = text.strip_suffix("xx") {
            let class: u16 = class.parse().ok()?;
            let first = class.checked_mul(100)?;
            return Some((first, first.checked_add(99)?));
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let is_one = |status: u16| (100..=999).contains(&status);
    read()
        .filter(|&(first, last)| is_one(first) && is_one(last) && first <= last)
        .ok_or_else(|| "a status is needed, as 200, 2xx or 200-204".to_owned())
}
