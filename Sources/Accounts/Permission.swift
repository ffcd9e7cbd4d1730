/// The class of an operation, by what it needs (spec 01 §6.8).
public enum Permission: String, CaseIterable, Sendable {
    /// `key`, `checkpresent`, `gettimestamp`, and pages that show the repository.
    case read

    /// `put` and `putoffset`.
    case write

    /// `remove` and `remove-before`.
    case remove

    /// `lockcontent` and `keeplocked`.
    case lock

    /// `git-upload-pack`, and the files of the dumb protocol.
    case gitRead

    /// `git-receive-pack`.
    case gitWrite

    /// A push that rewrites or deletes what is in git, where ``gitWrite`` only adds.
    case gitRewrite

    /// Making the repository that a push names and that does not exist.
    case create

    /// The generated `/config`, which whoever may clone may read (spec 01 §7.2).
    case config

    /// The least right that includes it.
    public var needed: Right {
        switch self {
        case .read, .gitRead, .config, .lock: .read
        case .write, .gitWrite, .create: .append
        case .remove, .gitRewrite: .write
        }
    }
}
