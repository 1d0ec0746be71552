//! Arguments: host, port, and the files of certificate, key and authority. Prints what it did, a line each.

use std::{env, fs, time::Duration};

use kmip_protocol::client::{tls::openssl::connect, ClientCertificate, ConnectionSettings, Error};
use kmip_protocol::types::{common::KeyMaterial, response::ManagedObject};

const MESSAGE: &[u8] = b"to be signed";
const WAIT: Option<Duration> = Some(Duration::from_secs(60)); // RSA keys take their time on a busy machine

fn main() -> Result<(), Error> {
    let given: Vec<String> = env::args().skip(1).collect();
    let [host, port, certificate, key, authority] = &given[..] else {
        panic!("usage: kmipd-interop HOST PORT CERTIFICATE KEY AUTHORITY");
    };
    let read = |path: &String| fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let client = connect(&ConnectionSettings {
        host: host.clone(),
        port: port.parse().expect("a port"),
        client_cert: Some(ClientCertificate::SeparatePem {
            cert_bytes: read(certificate),
            key_bytes: Some(read(key)),
        }),
        ca_cert: Some(read(authority)),
        connect_timeout: WAIT,
        read_timeout: WAIT,
        write_timeout: WAIT,
        max_response_bytes: Some(64 * 1024),
        ..Default::default()
    })?;

    println!(
        "vendor {}",
        client.query()?.vendor_identification.unwrap_or_default()
    );
    let (private, public) =
        client.create_rsa_key_pair(2048, "rust private".into(), "rust public".into())?;
    println!("private {private}");
    println!("public {public}");
    client.activate_key(&private)?;
    println!(
        "signature {}",
        hex::encode(client.sign(&private, MESSAGE)?.signature_data)
    );
    client.rename_key(&private, "rust renamed".into())?;
    let ManagedObject::PublicKey(key) = client.get_key(&public)?.cryptographic_object else {
        panic!("{public} is no public key");
    };
    let KeyMaterial::Bytes(material) = key.key_block.key_value.key_material else {
        panic!("{public} is not of one piece");
    };
    println!("format {:?}", key.key_block.key_format_type);
    println!("material {}", hex::encode(material));
    println!("random {}", hex::encode(client.rng_retrieve(32)?.data));

    let (spare, twin) =
        client.create_rsa_key_pair(2048, "rust spare".into(), "rust twin".into())?;
    client.activate_key(&spare)?;
    println!("active {}", client.destroy_key(&spare).unwrap_err());
    client.revoke_key(&spare)?;
    client.destroy_key(&spare)?;
    client.destroy_key(&twin)?;
    println!("spare {spare}");
    println!("missing {:?}", client.get_key("no such key").unwrap_err());
    Ok(())
}
