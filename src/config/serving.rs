//! `[server]`: where and how to listen, and the limits that sessions start with.

use std::path::PathBuf;
use std::time::Duration;

use causeway_sql::EngineConfig;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::section::Section;
use crate::server::{self, Options, TlsFiles};

/// How long calls and queries are remembered.
const HISTORY_HOURS: u64 = 24;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerSection {
    listen: Option<String>,
    tls: Option<TlsSection>,
    max_connections: Option<usize>,
    statement_timeout_seconds: Option<u64>,
    max_api_calls: Option<u32>,
    memory_mb: Option<usize>,
    cache_mb: Option<usize>,
    history_hours: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsSection {
    cert_file: PathBuf,
    key_file: PathBuf,
}

/// Reads the section into server options and the engine's defaults.
pub(super) fn read<'t>(
    document: &mut Document<'t>,
    value: Option<Spanned<DeValue<'t>>>,
    engine: &mut EngineConfig,
) -> Options {
    let mut options = Options::default();
    let value = value.unwrap_or_else(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
    let start = value.span().start;
    let Some(mut section) = Section::new(document, "server".to_owned(), start, value) else {
        return options;
    };
    section.check_files();
    let Some(read) = section.read::<ServerSection>() else {
        return options;
    };
    if let Some(listen) = read.listen {
        match listen.parse() {
            Ok(address) => options.listen = address,
            Err(_) => section.report_key(
                "listen",
                &format!("'{listen}' is no address; write it as '127.0.0.1:5433' or '[::1]:5433'"),
            ),
        }
    }
    if let Some(tls) = read.tls {
        if let Err(reason) = server::acceptor(&tls.cert_file, &tls.key_file) {
            section.report_key("tls", &reason);
        }
        options.tls = Some(TlsFiles {
            cert_file: tls.cert_file,
            key_file: tls.key_file,
        });
    }
    if let Some(connections) = read.max_connections {
        if connections == 0 {
            section.report_key(
                "max_connections",
                "is 0; at least one client must be able to connect",
            );
        }
        options.max_connections = connections;
    }
    // 0 is no limit, as it is for PostgreSQL's statement_timeout.
    let timeout = read.statement_timeout_seconds.filter(|seconds| *seconds > 0);
    engine.defaults.statement_timeout = timeout.map(Duration::from_secs);
    if let Some(calls) = read.max_api_calls {
        engine.defaults.max_api_calls = calls;
    }
    if let Some(megabytes) = read.memory_mb {
        if megabytes < 16 {
            section.report_key("memory_mb", "is below 16, too little to sort or join anything");
        }
        engine.memory_bytes = megabytes.saturating_mul(1 << 20);
    }
    if let Some(megabytes) = read.cache_mb {
        engine.cache_bytes = megabytes.saturating_mul(1 << 20);
    }
    // 0 is no limit by age.
    let hours = read.history_hours.unwrap_or(HISTORY_HOURS);
    engine
        .ledger
        .keep_for(Duration::from_secs(hours.saturating_mul(3600)));
    options
}
