//! "Did you mean": the known name that is nearest to a mistyped one.

/// The candidate nearest to `name`, if it is near enough to have been meant: at most a third of its
/// letters differ, and two always may.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(2);
    let near = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    near.filter(|&(distance, candidate)| {
        distance <= allowed && distance < candidate.chars().count()
    })
    .min()
    .map(|(_, candidate)| candidate)
}

/// How many letters must be added, removed, replaced or swapped with their neighbour (optimal
/// string alignment); case does not count.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let (a, b) = (letters(a), letters(b));
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        let pairs = [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("respones", "response", 1),
            ("P95", "p95", 0),
            ("ab", "ba", 1),
        ];
        for (a, b, letters) in pairs {
            assert_eq!((distance(a, b), distance(b, a)), (letters, letters), "{a} {b}");
        }
    }

    #[test]
    fn only_what_may_have_been_meant_is_suggested() {
        let known = ["response", "service", "error_rate", "p95"];
        assert_eq!(nearest("respnse", known), Some("response"));
        assert_eq!(nearest("eror_rte", known), Some("error_rate"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("x", ["ab"]), None);
    }
}
