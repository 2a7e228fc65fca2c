//! Pictures of requests: base64, with or without the prefix. Those of answers have it always (`shown::picture`).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Context;
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::fetch::MAX_PICTURE;

/// Padding is often missing, and encoders leave rubbish in the last bits.
const PATIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of a picture text; `field` is named in errors.
///
/// # Errors
/// [`Fault::NoPicture`] when there are none, [`Fault::BadBase64`], [`Fault::PictureTooLarge`].
pub fn decode(text: &str, field: &str) -> Result<Vec<u8>> {
    // Whatever prefix there is ends with a comma; one client writes `data:image/jpeg:base64,`.
    let text = text.split_once(',').map_or(text, |(_, data)| data);
    let dense: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if dense.is_empty() {
        bail!(NoPicture, "{field}: is empty");
    }
    if dense.len() / 4 * 3 > MAX_PICTURE + 3 {
        bail!(PictureTooLarge, "{field}: more than {MAX_PICTURE} bytes");
    }
    let bytes =
        PATIENT.decode(&dense).map_err(|e| Error::new(Fault::BadBase64, format!("{field}: is no base64: {e}")))?;
    if bytes.len() > MAX_PICTURE {
        bail!(PictureTooLarge, "{field}: more than {MAX_PICTURE} bytes");
    }
    Ok(bytes)
}

/// The picture of a request that may give it inline or by address; inline counts first. `None`: neither.
///
/// # Errors
/// Those of [`decode`] and of [`crate::fetch::Fetch::get`].
pub fn given(cx: &Context, inline: Option<&str>, address: Option<&str>) -> Result<Option<Vec<u8>>> {
    match (inline, address) {
        (Some(text), _) => decode(text, "picinfo").map(Some),
        (None, Some(address)) => cx.fetch.get(address).map(Some),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown;

    #[test]
    fn pictures_are_read_as_platforms_send_them() {
        for text in [
            "data:image/jpeg;base64,aGVsbG8gd29ybGQ=",
            "data:image/jpg;base64,aGVsbG8gd29ybGQ=",
            "data:image/jpeg:base64,aGVsbG8gd29ybGQ=",
            "aGVsbG8gd29ybGQ=",
            "aGVsbG8gd29ybGQ",
            "aGVsbG8g\r\nd29y\nbGQ=\r\n",
            " aGVsbG8gd29ybGR= ",
        ] {
            assert_eq!(decode(text, "picinfo").unwrap(), b"hello world", "{text}");
        }
        assert_eq!(decode(&shown::picture(b"hello"), "picinfo").unwrap(), b"hello");
    }

    #[test]
    fn what_is_no_picture_text_is_refused_by_name() {
        for (text, fault) in [
            ("", Fault::NoPicture),
            ("data:image/jpeg;base64,", Fault::NoPicture),
            ("data:image/jpeg;base64,/9j/4AAQ......", Fault::BadBase64),
            ("aGVs*G8=", Fault::BadBase64),
            ("a", Fault::BadBase64),
        ] {
            let error = decode(text, "picinfo1").unwrap_err();
            assert_eq!(error.fault, fault, "{text}");
            assert!(error.detail.starts_with("picinfo1: "), "{error}");
        }
        for (bytes, fits) in [(MAX_PICTURE, true), (MAX_PICTURE + 1, false), (MAX_PICTURE * 2, false)] {
            let text = shown::picture(&vec![7; bytes]);
            assert_eq!(
                decode(&text, "picinfo").map(|b| b.len()).map_err(|e| e.fault),
                if fits { Ok(bytes) } else { Err(Fault::PictureTooLarge) }
            );
        }
    }
}
