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
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificateChain)
            let key = try NIOSSLPrivateKey(file: files.privateKey, format: .pem)
            var settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: settings)
        } catch {
            let message = "load certificate \"\(files.certificateChain)\" with key \"\(files.privateKey)\""
            throw TransportError(.badCertificate, message, cause: error)
        }
    }
}
