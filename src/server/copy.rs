//! COPY … TO STDOUT, from rows to the lines or the records that a client writes down.
//!
//! Owns: PostgreSQL's text, CSV and binary forms of a row. Does not own: options; see [`causeway_sql::Copy`]. Invariant: a value is in it as a
//! DataRow has it. Source: PostgreSQL 15, `copyto.c`. Start at [`Lines::row`].

use std::io;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::{Buf as _, BufMut as _, BytesMut};
use causeway_sql::{Answer, Copy, CopyFormat, Delimited, Error};
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};

use super::conversation::{Conversation, Failure, complete};
use super::rows::{Encoder, Formats};
use super::running::Running;
use super::wire::Writer;

/// What stands at the beginning of a binary copy: its signature, no flags, no extension.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands at its end, in the place of a number of fields.
const BINARY_TRAILER: &[u8] = &[0xff, 0xff];

impl Conversation {
    /// Sends the rows of a COPY.
    pub(super) async fn copy(&mut self, copy: &Copy, answer: Answer) -> Result<(), Failure> {
        let formats = match copy.format {
            CopyFormat::Binary => Formats::binary(),
            _ => Formats::text(),
        };
        let Some(schema) = answer.schema() else {
            return Err(Error::internal("a query without columns").into());
        };
        let zone = self.session.time_zone();
        let mut running = Running::start(answer, &formats, None, zone).await?;
        let lines = Lines::of(&copy.format, &schema);
        self.begin_copy(&copy.format, schema.fields().len())?;
        let mut line = BytesMut::new();
        lines.header(&schema, &mut line);
        self.send_line(&mut line)?;
        while let Some(batch) = self.next_batch(&mut running).await? {
            self.copy_batch(&lines, &running.encoder, &batch, &mut line)
                .await?;
            running.sent += batch.num_rows() as u64;
        }
        lines.trailer(&mut line);
        self.send_line(&mut line)?;
        self.writer.send(&Reply::CopyDone(CopyDone::new()))?;
        self.notices(&running.context)?;
        Ok(self.writer.send(&complete(format!("COPY {}", running.sent)))?)
    }

    fn begin_copy(&mut self, format: &CopyFormat, columns: usize) -> Result<(), Failure> {
        let code = i16::from(*format == CopyFormat::Binary);
        let count = i16::try_from(columns).map_err(|_| Error::internal("too many columns"))?;
        let formats = vec![code; columns];
        let response = CopyOutResponse::new(i8::from(code == 1), count, formats);
        Ok(self.writer.send(&Reply::CopyOutResponse(response))?)
    }

    async fn copy_batch(
        &mut self,
        lines: &Lines<'_>,
        encoder: &Encoder,
        batch: &RecordBatch,
        line: &mut BytesMut,
    ) -> Result<(), Failure> {
        let columns = encoder.columns(batch)?;
        let mut values = BytesMut::new();
        for row in 0..batch.num_rows() {
            values.clear();
            encoder.row(&columns, row, &mut values)?;
            lines.row(&values, line);
            self.send_line(line)?;
            if self.writer.buffer().len() >= Writer::FLUSH_BYTES {
                self.flush_or_cancel().await?;
            }
        }
        self.flush_or_cancel().await
    }

    /// Sends a line and empties it.
    fn send_line(&mut self, line: &mut BytesMut) -> io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let data = line.split().freeze();
        self.writer.send(&Reply::CopyData(CopyData::new(data)))
    }
}

/// How the values of a row are written.
struct Lines<'a> {
    format: &'a CopyFormat,
    /// Which columns always stand in quotes.
    quoted: Vec<bool>,
}

impl<'a> Lines<'a> {
    fn of(format: &'a CopyFormat, schema: &SchemaRef) -> Self {
        let forced = match format {
            CopyFormat::Csv { force_quote, .. } => force_quote.as_slice(),
            _ => &[],
        };
        let fields = schema.fields().iter();
        let quoted = fields.map(|field| forced.contains(field.name())).collect();
        Self { format, quoted }
    }

    fn header(&self, schema: &SchemaRef, out: &mut BytesMut) {
        let (CopyFormat::Text(delimited) | CopyFormat::Csv { delimited, .. }) = self.format else {
            return out.put_slice(BINARY_HEADER);
        };
        if delimited.has_header {
            let names = schema.fields().iter().map(|field| Some(field.name().as_bytes()));
            self.line(delimited, names, &[], out);
        }
    }

    fn trailer(&self, out: &mut BytesMut) {
        if *self.format == CopyFormat::Binary {
            out.put_slice(BINARY_TRAILER);
        }
    }

    /// Writes a row, which is a DataRow message.
    fn row(&self, message: &[u8], out: &mut BytesMut) {
        // The letter and the length of the message.
        let body = message.get(5..).unwrap_or_default();
        match self.format {
            CopyFormat::Binary => out.put_slice(body),
            CopyFormat::Text(delimited) | CopyFormat::Csv { delimited, .. } => {
                self.line(delimited, Fields::of(body), &self.quoted, out);
            }
        }
    }

    fn line<'v>(
        &self,
        delimited: &Delimited,
        values: impl Iterator<Item = Option<&'v [u8]>>,
        quoted: &[bool],
        out: &mut BytesMut,
    ) {
        let mut values = values.enumerate().peekable();
        let is_single = self.quoted.len() == 1;
        while let Some((at, value)) = values.next() {
            match (value, self.format) {
                (None, _) => out.put_slice(delimited.null.as_bytes()),
                (Some(value), CopyFormat::Csv { quote, escape, .. }) => {
                    let is_forced = quoted.get(at).copied().unwrap_or(false);
                    let marks = Marks {
                        delimited,
                        quote: *quote,
                        escape: *escape,
                    };
                    marks.write(value, is_forced, is_single, out);
                }
                (Some(value), _) => escaped(value, delimited.delimiter, out),
            }
            if values.peek().is_some() {
                out.put_u8(delimited.delimiter);
            }
        }
        out.put_u8(b'\n');
    }
}

/// A value of the text form.
fn escaped(value: &[u8], delimiter: u8, out: &mut BytesMut) {
    for byte in value {
        let letter = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            b'\\' => b'\\',
            other if *other == delimiter => *other,
            other => {
                out.put_u8(*other);
                continue;
            }
        };
        out.put_u8(b'\\');
        out.put_u8(letter);
    }
}

/// What CSV has its meaning from.
struct Marks<'a> {
    delimited: &'a Delimited,
    quote: u8,
    escape: u8,
}

impl Marks<'_> {
    /// A value, in quotes where it could be read as another.
    fn write(&self, value: &[u8], is_forced: bool, is_single: bool, out: &mut BytesMut) {
        let is_special = |byte: &u8| [self.delimited.delimiter, self.quote, b'\n', b'\r'].contains(byte);
        let needs_quotes = is_forced
            || value == self.delimited.null.as_bytes()
            // Alone on a line it would end the copy.
            || (is_single && value == b"\\.")
            || value.iter().any(is_special);
        if !needs_quotes {
            return out.put_slice(value);
        }
        out.put_u8(self.quote);
        for byte in value {
            if *byte == self.quote || *byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(self.quote);
    }
}

/// The values of a DataRow's body.
struct Fields<'a> {
    rest: &'a [u8],
    left: i16,
}

impl<'a> Fields<'a> {
    fn of(mut body: &'a [u8]) -> Self {
        let left = body.try_get_i16().unwrap_or_default();
        Self { rest: body, left }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let Ok(length) = usize::try_from(self.rest.try_get_i32().ok()?) else {
            return Some(None);
        };
        let (value, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(value))
    }
}
