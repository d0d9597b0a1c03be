//! A report script: writes the answer of a statement as CSV or as an Arrow IPC stream, batch by batch.
//!
//! `cargo run --example report -- causeway.toml ana "SELECT …" report.csv` (or `report.arrow`)

use std::fs::File;
use std::path::Path;

use arrow::csv;
use arrow::ipc::writer::StreamWriter;
use causeway::Engine;
use futures::TryStreamExt as _;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Writes the rows that `user` sees to `output`, and says how many there were. The end of the file's name decides the format.
pub async fn write_report(config: &Path, user: &str, sql: &str, output: &Path) -> Result<usize, Failure> {
    let engine = Engine::from_config_file(config).await?;
    let session = engine.session(user).await?;
    let answer = session.sql(sql).await?;
    let schema = answer.schema().ok_or("the statement returns no rows")?;
    let mut rows = answer.stream().await?;
    let mut written = 0;
    match output.extension().and_then(|end| end.to_str()) {
        Some("csv") => {
            let mut writer = csv::Writer::new(File::create(output)?);
            while let Some(batch) = rows.try_next().await? {
                writer.write(&batch)?;
                written += batch.num_rows();
            }
        }
        Some("arrow") => {
            let mut writer = StreamWriter::try_new(File::create(output)?, &schema)?;
            while let Some(batch) = rows.try_next().await? {
                writer.write(&batch)?;
                written += batch.num_rows();
            }
            writer.finish()?;
        }
        _ => return Err("the report's name must end in .csv or .arrow".into()),
    }
    Ok(written)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, user, sql, output] = arguments.as_slice() else {
        return Err("usage: report CONFIG USER SQL OUTPUT".into());
    };
    let rows = write_report(Path::new(config), user, sql, Path::new(output)).await?;
    println!("{rows} rows in {output}");
    Ok(())
}
