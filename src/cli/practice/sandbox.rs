//! `causeway sandbox`

use std::net::SocketAddr;
use std::path::Path;

use causeway_sandbox::{salesforce, servicenow};

use super::{Failure, stop_signal};
use crate::practice::{Options, Orgs};

pub(super) async fn run(options: &Options, folder: Option<&Path>) -> Result<(), Failure> {
    let orgs = Orgs::start(options).await?;
    print_credentials(&orgs);
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            let path = orgs.write_configuration(folder)?;
            let certificates = [
                ("salesforce.crt", orgs.salesforce.certificate_pem()),
                ("servicenow.crt", orgs.servicenow.certificate_pem()),
            ];
            for (name, certificate) in certificates {
                if let Some(pem) = certificate {
                    std::fs::write(folder.join(name), pem)?;
                    println!(
                        "\nCertificate for clients to trust: {}",
                        folder.join(name).display()
                    );
                }
            }
            println!(
                "\nConfiguration written: causeway serve --config {}",
                path.display()
            );
        }
        None => {
            println!("\nConfiguration (--write FOLDER writes it, with the key that it names):\n");
            println!("{}", orgs.configuration(SocketAddr::from(([127, 0, 0, 1], 5433))));
        }
    }
    println!("Ctrl-C ends.");
    stop_signal().await;
    Ok(())
}

fn print_credentials(orgs: &Orgs) {
    use salesforce::credentials as sf;
    use servicenow::credentials as sn;
    println!("Practice Salesforce org       {}", orgs.salesforce.url());
    println!(
        "  consumer key / secret       {} / {}",
        sf::CLIENT_ID,
        sf::CLIENT_SECRET
    );
    println!(
        "  user / password / token     {} / {} / {}",
        sf::USERNAME,
        sf::PASSWORD,
        sf::SECURITY_TOKEN
    );
    println!("  refresh token               {}", sf::REFRESH_TOKEN);
    println!("Practice ServiceNow instance  {}", orgs.servicenow.url());
    println!(
        "  client id / secret          {} / {}",
        sn::CLIENT_ID,
        sn::CLIENT_SECRET
    );
    println!(
        "  user / password             {} / {}",
        sn::USERNAME,
        sn::PASSWORD
    );
    println!("  admin / password            admin / {}", sn::OTHER_PASSWORD);
    println!("  API key                     {}", sn::API_KEY);
}
