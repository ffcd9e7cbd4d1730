import NIOSSL
import Synchronization

/// The certificate that new TLS connections are served with; replaceable while the server runs.
final class TLSIdentity: Sendable {
    private let files: TLSFiles
    private let current: Mutex<NIOSSLContext>

    /// Reads both files. Blocking.
    init(_ files: TLSFiles) throws(TransportError) {
        self.files = files
        current = Mutex(try Self.load(files))
    }

    var context: NIOSSLContext { current.withLock { $0 } }

    /// Reads both files again; the old pair stays when the new one cannot be used. Blocking.
    func reload() throws(TransportError) {
        let fresh = try Self.load(files)
        current.withLock { $0 = fresh }
    }

    private static func load(_ files: TLSFiles) throws(TransportError) -> NIOSSLContext {
        try files.requireReadable()
        let (certificate, key) = (files.certificateChain, files.privateKey)
        let chain = try Self.attempt("\"\(certificate)\" holds no certificate in PEM form") {
            let found = try NIOSSLCertificate.fromPEMFile(certificate)
            if found.isEmpty { throw NIOSSLError.failedToLoadCertificate }
            return found.map { NIOSSLCertificateSource.certificate($0) }
        }
        let privateKey = try Self.attempt("\"\(key)\" holds no private key in PEM form, or one with a passphrase") {
            try NIOSSLPrivateKey(file: key, format: .pem)
        }
        return try Self.attempt("the key \"\(key)\" does not belong to the certificate \"\(certificate)\"") {
            var settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(privateKey))
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: settings)
        }
    }

    /// The library's own errors are the names of its cases, so `problem` says in words what each step means.
    private static func attempt<Result>(
        _ problem: String, _ step: () throws -> Result
    ) throws(TransportError) -> Result {
        do { return try step() } catch { throw TransportError(.badCertificate, problem) }
    }
}
