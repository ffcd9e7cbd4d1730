import AnnexProtocol

/// How receiving begins.
public enum ReceiveStart: Sendable {
    /// The content is here; nothing needs to be read or logged.
    case alreadyPresent
    case refused(ReceiveRefusal)
    /// Somebody else, in this process or another one, receives this key now.
    case busy
    /// Give it the body.
    case ready(Reception)
}

/// Why content is not received; decided before any byte of the body is read.
public enum ReceiveRefusal: Sendable, Hashable, CustomStringConvertible {
    /// `annex.securehashesonly` is set, and the key has no secure hash.
    case insecureBackend
    /// Bytes that must become free before the content fits.
    case notEnoughSpace(missing: UInt64)
    /// The client starts further on than the bytes that are here.
    case offsetBeyondPartial(partialSize: UInt64)
    /// The client announced a negative length: its file is shorter than the offset it was told.
    case negativeLength
    /// The announced length does not make up the size that the key tells.
    case wrongLength(announced: UInt64, expected: UInt64)
    /// `annex.pidlock` is set, or the repository has a version that this program does not know.
    case readOnly
    /// Transfer locks cannot be made for a key with so long a name.
    case nameTooLong

    public var description: String {
        switch self {
        case .insecureBackend: "annex.securehashesonly: the key has no cryptographically secure hash"
        case .notEnoughSpace(let missing): "not enough space: need \(DataSize.describe(missing)) more"
        case .offsetBeyondPartial(let size): "the offset is beyond the \(size) bytes that are here"
        case .negativeLength: "the announced length is negative"
        case .wrongLength(let announced, let expected):
            "the content would have \(announced) bytes, but the key says \(expected)"
        case .readOnly: "this repository is read-only for annexd (annex.pidlock or an unsupported annex.version)"
        case .nameTooLong: "the name of the key is too long to be locked"
        }
    }
}

/// How the body of an upload ended.
public enum BodyEnd: Sendable, Hashable {
    /// The body ended properly. If fewer bytes came than were announced, they cannot be trusted (spec 01 §4.2).
    case complete
    /// All announced bytes came, and whoever passed them on has compared them with the key.
    case judged(isGenuine: Bool)
    /// More bytes came than were announced.
    case tooLong
    /// The connection was lost, or the request cancelled; what came is the start of the content.
    case broken
}

/// What became of an upload.
public enum ReceiveOutcome: Sendable, Hashable {
    /// The content is in the store and on stable storage; not newly when somebody else was faster.
    case stored(newly: Bool)
    case rejected(ReceiveRejection)
    /// The partial content stays for a resumed upload; its size in bytes.
    case kept(UInt64)
}

/// Why received content was not stored.
public enum ReceiveRejection: Sendable, Hashable, CustomStringConvertible {
    /// The content is not that of the key; the partial file is deleted.
    case contentMismatch
    /// The body was shorter than announced; the partial file is as before.
    case short
    /// The body was longer than announced; the partial file is as before.
    case long

    public var description: String {
        switch self {
        case .contentMismatch: "verification of content failed"
        case .short: "the body was shorter than announced"
        case .long: "the body was longer than announced"
        }
    }
}
