//! A picture of dots as a PNG file.
//!
//! A PNG is its dots, deflated row by row, in a frame of named pieces with a checksum each: what
//! has to be known of the format for this one kind of picture is less than what an encoder for all
//! kinds would bring along.

use std::io::{self, Write as _};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Bytes of a dot: red, green and blue.
const DOT: usize = 3;

/// The file of a picture of this size, whose dots come row by row.
///
/// # Errors
/// None in truth: nothing keeps a list from growing.
pub(super) fn png_file(dots: &[u8], (width, height): (u32, u32)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    // Eight bits a colour, three colours, and the one way of each thing that there is.
    head.extend([8, 2, 0, 0, 0]);
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in dots.chunks(width as usize * DOT) {
        // What a byte is more than that of the dot before it: of areas of one colour, nothing.
        let before = std::iter::repeat_n(&0, DOT).chain(row);
        let steps: Vec<u8> =
            row.iter().zip(before).map(|(now, was)| now.wrapping_sub(*was)).collect();
        rows.write_all(&[1])?;
        rows.write_all(&steps)?;
    }
    let mut file = SIGNATURE.to_vec();
    for (name, content) in [(b"IHDR", head), (b"IDAT", rows.finish()?), (b"IEND", Vec::new())] {
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut sum = Crc::new();
        sum.update(name);
        sum.update(&content);
        file.extend(length.to_be_bytes());
        file.extend(name);
        file.extend(content);
        file.extend(sum.sum().to_be_bytes());
    }
    Ok(file)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;

    use super::*;

    /// Width, height and dots of a file.
    pub(in crate::charts) fn read_png(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut rest = file.strip_prefix(SIGNATURE).expect("it is a PNG");
        let (mut size, mut packed) = ((0, 0), Vec::new());
        while let Some((head, after)) = rest.split_first_chunk::<8>() {
            let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
            let (content, after) = after.split_at(length);
            let mut sum = Crc::new();
            sum.update(&head[4..]);
            sum.update(content);
            assert_eq!(after[..4], sum.sum().to_be_bytes());
            match &head[4..] {
                b"IHDR" => {
                    let number = |from: usize| {
                        u32::from_be_bytes(content[from..from + 4].try_into().unwrap())
                    };
                    size = (number(0), number(4));
                }
                b"IDAT" => packed.extend_from_slice(content),
                _ => {}
            }
            rest = &after[4..];
        }
        let mut rows = Vec::new();
        ZlibDecoder::new(&*packed).read_to_end(&mut rows).unwrap();
        let mut dots = Vec::new();
        for row in rows.chunks(size.0 as usize * DOT + 1) {
            assert_eq!(row[0], 1);
            let start = dots.len();
            for (place, step) in row[1..].iter().enumerate() {
                let before = if place < DOT { 0 } else { dots[start + place - DOT] };
                dots.push(step.wrapping_add(before));
            }
        }
        (size.0, size.1, dots)
    }

    #[test]
    fn what_is_read_from_a_file_is_what_was_written() {
        let dots: Vec<u8> = (0..5 * 4 * DOT).map(|number| (number * 37 % 251) as u8).collect();
        let file = png_file(&dots, (5, 4)).unwrap();
        assert_eq!(read_png(&file), (5, 4, dots));
        let end = b"\0\0\0\0IEND\xae\x42\x60\x82";
        assert!(file.ends_with(end), "as every PNG ends");
    }
}
