//! A text that a guest hands over, cut before it is checked and copied.
//!
//! Names, reasons and lines are shown cut to 4 KiB, or are refused when they are longer than 128
//! bytes. A guest may still hand over a text as large as its memory, and to check and copy 64 MiB
//! holds the thread for a tenth of a second. So what is beyond `MAX` units (bytes, in UTF-8) is
//! never looked at.

#![allow(unsafe_code)]

use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift};

/// Set in the length of a text that is UTF-16 where it could be Latin-1.
const UTF16_TAG: u32 = 1 << 31;

/// See the module's documentation. By default it holds more than is shown of any text.
#[derive(Debug)]
pub(crate) struct GuestText<const MAX: u32 = { 8 << 10 }> {
    /// The text, as far as it was taken.
    pub(crate) text: String,
    /// Whether that is not all of it.
    pub(crate) is_cut: bool,
}

// SAFETY: everything is as it is of a string.
unsafe impl<const MAX: u32> ComponentType for GuestText<MAX> {
    type Lower = <String as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <String as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <String as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: what is lifted is a string at the same place, which begins as the guest's does and is no
// longer; it is lifted with all checks of a string.
unsafe impl<const MAX: u32> Lift for GuestText<MAX> {
    #[inline]
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let (pointer, length) = (source[0].get_u32(), source[1].get_u32());
        let taken = fitting(context, pointer, length, MAX);
        let text = String::linear_lift_from_flat(
            context,
            ty,
            &[ValRaw::u32(pointer), ValRaw::u32(taken)],
        )?;
        Ok(Self { text, is_cut: taken < length })
    }

    #[inline]
    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let word =
            |at: usize| bytes[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        let (pointer, length) = (word(0), word(4));
        Self::linear_lift_from_flat(context, ty, &[ValRaw::u32(pointer), ValRaw::u32(length)])
    }
}

fn fitting(context: &LiftContext<'_>, pointer: u32, length: u32, most: u32) -> u32 {
    let text = context.memory().get(pointer as usize..).unwrap_or_default();
    match context.options().string_encoding {
        StringEncoding::Utf8 => fitting_utf8(text, length, most),
        StringEncoding::Utf16 => fitting_utf16(text, length, most),
        StringEncoding::CompactUtf16 if length & UTF16_TAG == 0 => length.min(most),
        StringEncoding::CompactUtf16 => fitting_utf16(text, length ^ UTF16_TAG, most) | UTF16_TAG,
    }
}

/// The length of the text, at most `most`, that ends with a whole character.
fn fitting_utf8(text: &[u8], length: u32, most: u32) -> u32 {
    if length <= most {
        return length;
    }
    let continues = |end: u32| text.get(end as usize).is_some_and(|byte| byte & 0xc0 == 0x80);
    (0..=most).rev().find(|&end| !continues(end)).unwrap_or(0)
}

/// As [`fitting_utf8`], in units of two bytes.
fn fitting_utf16(text: &[u8], length: u32, most: u32) -> u32 {
    if length <= most {
        return length;
    }
    let is_second_half = text.get(most as usize * 2 + 1).is_some_and(|high| high & 0xfc == 0xdc);
    if is_second_half { most - 1 } else { most }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u32 = 100;

    #[test]
    fn a_short_text_is_taken_whole() {
        assert_eq!((fitting_utf8(b"abc", 3, MAX), fitting_utf16(b"a\0b\0", 2, MAX)), (3, 2));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for character in ["a", "é", "€", "𝄞"] {
            for offset in ["", "-", "--", "---"] {
                let text = format!("{offset}{}", character.repeat(1_000));
                let end = fitting_utf8(text.as_bytes(), text.len() as u32, MAX) as usize;
                assert!(
                    text.is_char_boundary(end) && (MAX as usize - 3..=MAX as usize).contains(&end),
                    "{character} {offset} {end}"
                );

                let units: Vec<u16> = text.encode_utf16().collect();
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                let end = fitting_utf16(&bytes, units.len() as u32, MAX) as usize;
                assert!(
                    String::from_utf16(&units[..end]).is_ok() && end >= MAX as usize - 1,
                    "{character} {offset} {end}"
                );
            }
        }
    }

    #[test]
    fn a_text_that_does_not_end_in_its_memory_is_no_reason_to_panic() {
        assert_eq!(
            (fitting_utf8(b"abc", u32::MAX, MAX), fitting_utf16(b"abc", u32::MAX, MAX)),
            (MAX, MAX)
        );
        assert_eq!(fitting_utf8(&[0x80; 1_000], 1_000, MAX), 0);
    }
}
