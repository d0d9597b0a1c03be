//! Bytes to messages and back.
//!
//! Owns: framing and its limits. Does not own: the content of messages, which pgwire decodes and encodes.
//! Invariant: the reader can read ahead while a statement runs; it keeps what it reads and reports when the client has gone.

use std::io;
use std::panic::AssertUnwindSafe;

use bytes::{Buf as _, BytesMut};
use pgwire::messages::{DecodeContext, PgWireBackendMessage, PgWireFrontendMessage};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

/// A socket, plain or TLS.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}
pub(super) type Socket = Box<dyn Duplex>;

/// Longest message of a client that has signed in; longer SQL is nobody's.
const MESSAGE_BYTES: usize = 64 << 20;
/// Longest message before that.
const STARTUP_BYTES: usize = 10_000;
/// What is read ahead of a running statement, before TCP holds the client back.
const READ_AHEAD_BYTES: usize = 4 << 20;

/// Why no message can be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the client has gone")]
    Gone,
    #[error("{0}")]
    Malformed(String),
}

/// The first packet of a connection, or one of those that may come before it.
pub(super) enum Opening {
    Ssl,
    GssEncryption,
    Message(PgWireFrontendMessage),
}

/// The reading half of a connection.
pub(super) struct Reader {
    half: ReadHalf<Socket>,
    buffer: BytesMut,
    longest: usize,
}

impl Reader {
    pub(super) fn new(half: ReadHalf<Socket>) -> Self {
        Self {
            half,
            buffer: BytesMut::new(),
            longest: STARTUP_BYTES,
        }
    }

    /// Gives the half back for a TLS handshake; `None` if the client already sent more, which could have been injected.
    pub(super) fn into_half(self) -> Option<ReadHalf<Socket>> {
        self.buffer.is_empty().then_some(self.half)
    }

    /// Allows long messages, once the client has signed in.
    pub(super) fn trust(&mut self) {
        self.longest = MESSAGE_BYTES;
    }

    /// Reads a packet of the start-up phase, which has no type byte.
    pub(super) async fn opening(&mut self) -> Result<Opening, ReadError> {
        self.fill(8).await?;
        let code = self.peek_i32(4);
        let length = self.peek_length(0)?;
        if length < 8 {
            return Err(ReadError::Malformed(format!(
                "a start-up packet of {length} bytes"
            )));
        }
        self.fill(length).await?;
        let mut frame = self.buffer.split_to(length);
        match code {
            Some(80_877_103) => return Ok(Opening::Ssl),
            Some(80_877_104) => return Ok(Opening::GssEncryption),
            _ => {}
        }
        let mut context = DecodeContext::default();
        context.awaiting_frontend_ssl = false;
        decode(&mut frame, &context).map(Opening::Message)
    }

    /// Reads the next message. May be cancelled; nothing is lost.
    pub(super) async fn next(&mut self) -> Result<PgWireFrontendMessage, ReadError> {
        self.fill(5).await?;
        let length = self.peek_length(1)?;
        if length < 4 {
            return Err(ReadError::Malformed(format!("a message of {length} bytes")));
        }
        self.fill(length + 1).await?;
        let mut frame = self.buffer.split_to(length + 1);
        let mut context = DecodeContext::default();
        context.awaiting_frontend_ssl = false;
        context.awaiting_frontend_startup = false;
        // Sync, Flush and Terminate have no body, and pgwire wants to see more than the type byte; the length is enough.
        decode(&mut frame, &context)
    }

    /// Resolves when the client has closed its side. What arrives meanwhile is kept for [`Reader::next`].
    pub(super) async fn gone(&mut self) {
        loop {
            if self.buffer.len() >= READ_AHEAD_BYTES.max(self.longest) {
                return std::future::pending().await;
            }
            match self.half.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    async fn fill(&mut self, wanted: usize) -> Result<(), ReadError> {
        while self.buffer.len() < wanted {
            match self.half.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(ReadError::Gone),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn peek_i32(&self, at: usize) -> Option<i32> {
        self.buffer.get(at..at + 4).map(|mut bytes| bytes.get_i32())
    }

    fn peek_length(&self, at: usize) -> Result<usize, ReadError> {
        let declared = self.peek_i32(at).unwrap_or(-1);
        match usize::try_from(declared) {
            Ok(length) if length <= self.longest => Ok(length),
            _ => Err(ReadError::Malformed(format!(
                "a message that claims {declared} bytes; at most {} are allowed here",
                self.longest
            ))),
        }
    }
}

/// Decodes one complete frame. pgwire's decoders trust the counts inside a message and panic where those lie.
fn decode(frame: &mut BytesMut, context: &DecodeContext) -> Result<PgWireFrontendMessage, ReadError> {
    let decoding = AssertUnwindSafe(|| PgWireFrontendMessage::decode(frame, context));
    match std::panic::catch_unwind(decoding) {
        Ok(Ok(Some(message))) => Ok(message),
        Ok(Ok(None)) | Err(_) => Err(ReadError::Malformed("a message that is cut short".to_owned())),
        Ok(Err(error)) => Err(ReadError::Malformed(error.to_string())),
    }
}

/// The writing half of a connection.
pub(super) struct Writer {
    half: WriteHalf<Socket>,
    buffer: BytesMut,
}

impl Writer {
    /// Rows are sent when so many bytes have gathered.
    pub(super) const FLUSH_BYTES: usize = 64 << 10;

    pub(super) fn new(half: WriteHalf<Socket>) -> Self {
        Self {
            half,
            buffer: BytesMut::new(),
        }
    }

    pub(super) fn into_half(self) -> WriteHalf<Socket> {
        self.half
    }

    /// Adds a message to what the next flush sends.
    pub(super) fn send(&mut self, message: &PgWireBackendMessage) -> io::Result<()> {
        message.encode(&mut self.buffer).map_err(io::Error::other)
    }

    /// What the next flush sends, for rows, which are encoded in place.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while self.buffer.has_remaining() {
            self.half.write_buf(&mut self.buffer).await?;
        }
        self.half.flush().await
    }

    /// Ends the connection after what was sent.
    pub(super) async fn close(mut self) {
        // The client may have gone already, which is no matter now.
        let _ = self.flush().await;
        let _ = self.half.shutdown().await;
    }
}
