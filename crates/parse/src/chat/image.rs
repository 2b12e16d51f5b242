//! A picture in a message: its bytes, or where it is.
//!
//! It is kept as the wire has it, in base64, since nobody here looks into it. It is read in the shapes of OpenAI and
//! Anthropic and written in OpenAI's. An address is handed on as it is: nothing is ever fetched.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Tokens that a picture is taken for, where nobody counts them: vendors count up to about so many for one of ordinary
/// size.
pub const IMAGE_TOKENS: usize = 1600;

/// A picture.
///
/// ```
/// use callwright_parse::chat::{Image, ImageType};
/// let image = Image::of_bytes(b"GIF89a").unwrap();
/// assert_eq!(image, Image::Bytes { kind: ImageType::Gif, base64: "R0lGODlh".into() });
/// assert_eq!(image.url(), "data:image/gif;base64,R0lGODlh");
/// assert_eq!(Image::of_bytes(b"no picture"), None);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Image {
    /// The picture itself.
    Bytes {
        /// What its bytes are.
        kind: ImageType,
        /// The bytes, in base64.
        base64: String,
    },
    /// Where the provider finds it.
    Url(String),
}

/// What the bytes of a picture are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageType {
    /// `image/png`.
    Png,
    /// `image/jpeg`.
    Jpeg,
    /// `image/gif`.
    Gif,
    /// `image/webp`.
    Webp,
}

impl ImageType {
    const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Gif, Self::Webp];

    /// Its name, as `image/png`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name.to_ascii_lowercase())
    }

    /// What bytes begin as.
    fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0x89, b'P', b'N', b'G', ..] => Self::Png,
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            [b'G', b'I', b'F', b'8', ..] => Self::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Webp,
            _ => return None,
        })
    }
}

impl Image {
    /// The picture that these bytes are; none where their beginning is of no known kind.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        ImageType::of(bytes).map(|kind| Self::Bytes { kind, base64: base64(bytes) })
    }

    /// Its address; of bytes one that holds them, `data:image/png;base64,..`.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Bytes { kind, base64 } => format!("data:{};base64,{base64}", kind.as_str()),
            Self::Url(url) => url.clone(),
        }
    }

    fn of_url(url: String) -> Result<Self, String> {
        let Some(data) = url.strip_prefix("data:") else {
            return if url.starts_with("https://") || url.starts_with("http://") {
                Ok(Self::Url(url))
            } else {
                Err("the URL of an image must begin with https://, http:// or data:".to_owned())
            };
        };
        let (name, base64) = data.split_once(";base64,").ok_or("the data of an image must be base64")?;
        Self::of_base64(name, base64.to_owned())
    }

    fn of_base64(name: &str, base64: String) -> Result<Self, String> {
        let kind = ImageType::named(name).ok_or_else(|| format!("unsupported image type `{name}`"))?;
        let letters = base64.trim_end_matches('=');
        if base64.len().is_multiple_of(4)
            && letters.bytes().all(|byte| ALPHABET.contains(&byte))
            && base64.len() - letters.len() < 3
        {
            Ok(Self::Bytes { kind, base64 })
        } else {
            Err("the data of an image is not valid base64".to_owned())
        }
    }
}

/// A picture is too long to be shown, and may be private.
impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { kind, base64 } => write!(f, "Image({}, {} letters)", kind.as_str(), base64.len()),
            Self::Url(_) => f.write_str("Image(an address)"),
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET[bits >> (18 - 6 * place) & 63];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// The shapes that people have lying around.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Address { image_url: Address },
    Source { source: Source },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Address {
    Plain(String),
    Object { url: String },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source {
    Base64 { media_type: String, data: String },
    Url { url: String },
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let image = match Wire::deserialize(from)? {
            Wire::Address { image_url: Address::Plain(url) | Address::Object { url } }
            | Wire::Source { source: Source::Url { url } } => Self::of_url(url),
            Wire::Source { source: Source::Base64 { media_type, data } } => Self::of_base64(&media_type, data),
        };
        image.map_err(serde::de::Error::custom)
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Outer {
            image_url: Inner,
        }
        #[derive(Serialize)]
        struct Inner {
            url: String,
        }
        Outer { image_url: Inner { url: self.url() } }.serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Part};
    use super::*;

    #[test]
    fn every_shape_is_read_and_one_is_written() {
        let shapes = [
            r#"{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}"#,
            r#"{"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="}"#,
            r#"{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}}"#,
        ];
        for shape in shapes {
            let part: Part = serde_json::from_str(shape).unwrap();
            assert_eq!(part, Part::Image(Image::of_bytes(&[0x89, b'P', b'N', b'G']).unwrap()), "{shape}");
            assert_eq!(serde_json::to_string(&part).unwrap(), shapes[0].replace(": ", ":").replace(", ", ","));
        }
        let linked =
            r#"{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x/y"}}]}"#;
        let message: Message = serde_json::from_str(linked).unwrap();
        assert_eq!((message.text().as_str(), message.images().count()), ("", 1));
        for wrong in
            ["file:///etc/passwd", "data:image/png;base64,no!", "data:text/html;base64,AAAA", "data:image/png,x"]
        {
            let part = serde_json::json!({"type": "image_url", "image_url": {"url": wrong}});
            assert!(serde_json::from_value::<Part>(part).is_err(), "{wrong}");
        }
    }

    #[test]
    fn base64_of_every_length() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes), text);
        }
    }
}
