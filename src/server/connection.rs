//! One connection, from its first byte to its end.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use causeway_sql::Error;
use futures::FutureExt as _;
use pgwire::messages::PgWireFrontendMessage;
use tokio::net::TcpStream;

use super::Shared;
use super::conversation::{Conversation, Flow};
use super::errors::{fatal_response, shutting_down, sqlstate};
use super::registry::Interrupt;
use super::startup::{self, Ended, Welcomed};
use super::wire::{ReadError, Reader};

/// Finds clients that died without closing their connection, and with them the statements that nobody waits for.
const KEEPALIVE: socket2::TcpKeepalive = socket2::TcpKeepalive::new()
    .with_time(Duration::from_secs(30))
    .with_interval(Duration::from_secs(10));

/// Runs a connection until either side ends it.
pub(super) async fn run(shared: Arc<Shared>, socket: TcpStream, peer: SocketAddr, is_full: bool) {
    // Rows go out in large pieces already; waiting to gather more would only delay small answers.
    let prepared = socket
        .set_nodelay(true)
        .and_then(|()| socket2::SockRef::from(&socket).set_tcp_keepalive(&KEEPALIVE));
    if let Err(error) = prepared {
        tracing::debug!(%peer, %error, "cannot set socket options");
    }
    let welcoming = tokio::time::timeout(shared.startup_timeout, welcome(&shared, socket, is_full));
    let welcomed = tokio::select! {
        () = shared.shutdown.cancelled() => return,
        welcomed = welcoming => welcomed,
    };
    match welcomed {
        Err(_) => tracing::debug!(%peer, "closed a connection that did not sign in in time"),
        Ok(Err(Ended::Refused(error))) => {
            tracing::info!(%peer, sqlstate = error.sqlstate, reason = error.message, "refused a connection");
        }
        Ok(Err(ended)) => tracing::debug!(%peer, reason = %ended, "closed a connection before sign-in"),
        Ok(Ok(welcomed)) => {
            let user = welcomed.session.principal().user.clone();
            tracing::info!(%peer, user, "signed in");
            converse(&shared, welcomed, peer).await;
            tracing::info!(%peer, user, "signed out");
        }
    }
}

async fn welcome(shared: &Shared, socket: TcpStream, is_full: bool) -> Result<Welcomed, Ended> {
    let greeted = startup::greet(shared, socket).await?;
    if is_full {
        let message = format!(
            "sorry, too many clients: at most {} may connect",
            shared.max_connections
        );
        let error = Error::new(sqlstate::TOO_MANY_CONNECTIONS, message);
        return greeted
            .refuse(error.with_hint("raise max_connections under [server]"))
            .await;
    }
    greeted.sign_in(shared).await
}

/// Takes messages until the client leaves, breaks the protocol, or the server shuts down.
async fn converse(shared: &Shared, mut welcomed: Welcomed, peer: SocketAddr) {
    let interrupt = Interrupt::new(welcomed.session.canceller());
    let registration = shared.registry.register(interrupt.clone());
    let Ok(reported) = welcomed.finish(registration.id, registration.secret).await else {
        return;
    };
    let Welcomed {
        mut reader,
        writer,
        session,
    } = welcomed;
    let mut conversation = Conversation::new(session, writer, interrupt, shared.shutdown.clone(), reported);
    loop {
        let message = tokio::select! {
            biased;
            () = shared.shutdown.cancelled() => return end(conversation, shutting_down()).await,
            message = reader.next() => message,
        };
        let message = match message {
            Ok(message) => message,
            Err(ReadError::Gone) => return,
            Err(error @ ReadError::Malformed(_)) => {
                tracing::debug!(%peer, reason = %error, "protocol violation");
                return end(conversation, Error::new(sqlstate::PROTOCOL, error.to_string())).await;
            }
        };
        match handle(&mut conversation, &mut reader, message).await {
            Handled::GoOn => {}
            Handled::Gone => return,
            Handled::Ended(error) => return end(conversation, error).await,
        }
    }
}

enum Handled {
    GoOn,
    Gone,
    Ended(Error),
}

/// Handles one message while watching the socket: when the client goes away, the statement is dropped with all its remote work.
async fn handle(
    conversation: &mut Conversation,
    reader: &mut Reader,
    message: PgWireFrontendMessage,
) -> Handled {
    let handling = AssertUnwindSafe(conversation.handle(message)).catch_unwind();
    let outcome = tokio::select! {
        // The socket comes first: a statement that computes without pause leaves nothing of the task's turn to what comes after it.
        biased;
        () = reader.gone() => return Handled::Gone,
        outcome = handling => outcome,
    };
    match outcome {
        Ok(Ok(Flow::GoOn)) => Handled::GoOn,
        Ok(Ok(Flow::End(error))) => Handled::Ended(error),
        Ok(Ok(Flow::Leave)) | Ok(Err(_)) => Handled::Gone,
        // What the statement left behind is unknown, so the connection can't go on.
        Err(_) => Handled::Ended(Error::internal("a statement panicked")),
    }
}

async fn end(mut conversation: Conversation, error: Error) {
    if conversation.writer().send(&fatal_response(&error)).is_ok() {
        conversation.into_writer().close().await;
    }
}
