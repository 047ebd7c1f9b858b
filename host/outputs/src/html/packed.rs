//! The histograms of a line as a page has them: a browser reads a text much faster than a list of
//! pairs, and it takes less room.
//!
//! In place of `buckets: [[number, count], …]` there is `packed: [steps, counts]`: by how much each
//! number is more than that before, and the counts, each as one text. A number is written in digits
//! of five bits in the alphabet of base64, the lowest first, and 32 is added to each digit but the
//! last. `host/web/src/record/packed.ts` reads them.

use serde_json::{Map, Value, json};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Times of all transactions that the page does not show.
const UNSEEN: [&str; 2] = ["ok_response", "start_lag"];

/// Packs the histograms of a frame's line, and leaves out those that the page does not show.
pub(super) fn pack(mut line: Value) -> Value {
    for part in ["warm_up", "measured"] {
        if let Some(part) = line["frame"].get_mut(part).and_then(Value::as_object_mut) {
            part.retain(|key, _| !UNSEEN.contains(&key.as_str()));
        }
    }
    pack_all(&mut line);
    line
}

fn pack_all(value: &mut Value) {
    match value {
        Value::Object(object) => {
            pack_histogram(object);
            object.values_mut().for_each(pack_all);
        }
        Value::Array(list) => list.iter_mut().for_each(pack_all),
        _ => {}
    }
}

fn pack_histogram(object: &mut Map<String, Value>) {
    // A metric of a scenario has buckets of another kind, and no sum in nanoseconds.
    let is_histogram = object.get("sum_ns").is_some_and(Value::is_number);
    let Some(Value::Array(buckets)) = object.get("buckets").filter(|_| is_histogram) else {
        return;
    };
    let (mut steps, mut counts) = (String::new(), String::new());
    let mut before = 0;
    for bucket in buckets {
        let [number, count] = [0, 1].map(|at| bucket[at].as_u64().unwrap_or(0));
        let mut step = number - before;
        before = number;
        // The page's counts have 32 bits: what is more takes several places.
        let mut rest = count;
        while rest > 0 {
            let some = rest.min(u32::MAX.into());
            digits(step, &mut steps);
            digits(some, &mut counts);
            (step, rest) = (0, rest - some);
        }
    }
    object.remove("buckets");
    object.insert("packed".to_owned(), json!([steps, counts]));
}

fn digits(mut number: u64, to: &mut String) {
    loop {
        let digit = (number % 32) as usize;
        number /= 32;
        let is_last = number == 0;
        to.push(ALPHABET[if is_last { digit } else { digit + 32 }].into());
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use swell_report::record::frame_line;

    use super::*;
    use crate::samples::busy_frame;

    fn numbers(text: &Value) -> Vec<u64> {
        let (mut numbers, mut number, mut shift) = (Vec::new(), 0, 0);
        for digit in text.as_str().unwrap().bytes() {
            let digit = ALPHABET.iter().position(|of| *of == digit).unwrap() as u64;
            number |= (digit % 32) << shift;
            shift += 5;
            if digit < 32 {
                numbers.push(number);
                (number, shift) = (0, 0);
            }
        }
        numbers
    }

    /// Numbers of buckets and counts, as they were before they were packed.
    fn unpacked(histogram: &Value) -> Vec<(u64, u64)> {
        let steps = numbers(&histogram["packed"][0]);
        let places = steps.iter().scan(0, |place, step| {
            *place += step;
            Some(*place)
        });
        places.zip(numbers(&histogram["packed"][1])).collect()
    }

    #[test]
    fn what_is_packed_has_the_same_numbers() {
        let line = frame_line(&busy_frame(0, 2_000));
        let packed = pack(line.clone());
        let [of, told] = [&line, &packed].map(|line| &line["frame"]["measured"]["service"]);
        let pair = |pair: &Value| (pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap());
        let pairs: Vec<_> = of["buckets"].as_array().unwrap().iter().map(pair).collect();
        assert!(pairs.len() > 500, "{}", pairs.len());
        assert_eq!(unpacked(told), pairs);
        assert_eq!(told["sum_ns"], of["sum_ns"]);
        let name = &packed["frame"]["measured"]["by_name"]["front page"]["response"];
        assert!(name["packed"].is_array() && name.get("buckets").is_none());
        assert!(packed.to_string().len() < line.to_string().len() / 2);
    }

    #[test]
    fn counts_beyond_32_bits_take_several_places_and_names_are_no_histograms() {
        let most = u64::from(u32::MAX);
        let packed = pack(json!({
            "response": { "sum_ns": 1, "buckets": [[7, most + 3], [9, 1]] },
            "by_name": { "sum_ns": { "ok": 1 }, "buckets": { "ok": 2 } },
            "metrics": [{ "buckets": [[1.5, 3]] }],
        }));
        assert_eq!(unpacked(&packed["response"]), [(7, most), (7, 3), (9, 1)]);
        assert_eq!(packed["by_name"]["buckets"]["ok"], 2);
        assert_eq!(packed["metrics"][0]["buckets"][0][0], 1.5);
    }
}
