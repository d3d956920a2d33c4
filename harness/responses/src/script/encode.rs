//! Bodies as a client wants them compressed.

use std::io::{self, Write};

use bytes::Bytes;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The encodings by the name that HTTP has for them, the preferred first.
const NAMES: [(&str, Encoding); 4] = [
    ("zstd", Encoding::Zstd),
    ("br", Encoding::Brotli),
    ("gzip", Encoding::Gzip),
    ("deflate", Encoding::Deflate),
];

/// A body with the places where its events end.
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) ends: Vec<usize>,
}

impl Encoding {
    /// How many encodings there are.
    pub(crate) const COUNT: usize = 5;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The value of `content-encoding`, if the body is encoded.
    pub(crate) fn name(self) -> Option<&'static str> {
        let found = NAMES.iter().find(|(_, encoding)| *encoding == self);
        found.map(|(name, _)| *name)
    }

    /// The encoding that a client likes best, as it says in `accept-encoding`.
    pub(crate) fn choose(accepted: &str) -> Self {
        let mut best = (0.0, Self::Identity);
        for part in accepted.split(',') {
            let (name, weight) = weight(part);
            let named = |(known, _): &&(&str, Self)| name.eq_ignore_ascii_case(known);
            let Some((_, encoding)) = NAMES.iter().find(named) else {
                continue;
            };
            let rank = |encoding: Self| NAMES.iter().position(|(_, known)| *known == encoding);
            let preferred =
                rank(*encoding).unwrap_or(usize::MAX) < rank(best.1).unwrap_or(usize::MAX);
            if weight > best.0 || (weight > 0.0 && weight >= best.0 && preferred) {
                best = (weight, *encoding);
            }
        }
        best.1
    }

    /// Encodes a body so that each event can be decoded as soon as it is there.
    pub(crate) fn encode(self, body: &Bytes, ends: Vec<usize>) -> Encoded {
        if self == Self::Identity {
            return Encoded {
                bytes: body.clone(),
                ends,
            };
        }
        let encoded = self.compress(body, &ends);
        // Writing to memory does not fail.
        let (bytes, ends) = encoded.unwrap_or_default();
        Encoded {
            bytes: bytes.into(),
            ends,
        }
    }

    fn compress(self, body: &[u8], ends: &[usize]) -> io::Result<(Vec<u8>, Vec<usize>)> {
        use flate2::Compression;
        use flate2::write::{GzEncoder, ZlibEncoder};
        const BUFFER: usize = 4096;
        let fast = Compression::fast();
        match self {
            Self::Identity => Ok((body.to_vec(), ends.to_vec())),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), fast);
                let ends = flush_each(&mut encoder, body, ends, |e| e.get_ref().len())?;
                Ok(settle(encoder.finish()?, ends))
            }
            // What HTTP calls `deflate` is the zlib format.
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), fast);
                let ends = flush_each(&mut encoder, body, ends, |e| e.get_ref().len())?;
                Ok(settle(encoder.finish()?, ends))
            }
            Self::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), BUFFER, 3, 22);
                let ends = flush_each(&mut encoder, body, ends, |e| e.get_ref().len())?;
                Ok(settle(encoder.into_inner(), ends))
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 1)?;
                let ends = flush_each(&mut encoder, body, ends, |e| e.get_ref().len())?;
                Ok(settle(encoder.finish()?, ends))
            }
        }
    }
}

/// The name and the weight in an element of `accept-encoding`.
fn weight(part: &str) -> (&str, f32) {
    let mut pieces = part.split(';').map(str::trim);
    let name = pieces.next().unwrap_or_default();
    let weight = pieces.find_map(|piece| piece.strip_prefix("q=")?.parse().ok());
    (name, weight.unwrap_or(1.0))
}

/// Writes a body, flushing after each event; returns how much there was then.
fn flush_each<W: Write>(
    encoder: &mut W,
    body: &[u8],
    ends: &[usize],
    written: impl Fn(&W) -> usize,
) -> io::Result<Vec<usize>> {
    let mut encoded_ends = Vec::with_capacity(ends.len());
    let mut start = 0;
    for end in ends {
        encoder.write_all(&body[start..*end])?;
        encoder.flush()?;
        encoded_ends.push(written(encoder));
        start = *end;
    }
    encoder.write_all(&body[start..])?;
    Ok(encoded_ends)
}

/// The last event ends where everything ends.
fn settle(bytes: Vec<u8>, mut ends: Vec<usize>) -> (Vec<u8>, Vec<usize>) {
    if let Some(last) = ends.last_mut() {
        *last = bytes.len();
    }
    (bytes, ends)
}
