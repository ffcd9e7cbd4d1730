import AnnexProtocol

/// What keeps a whole ref from being merged (spec 02 §2.7, §2.8.4).
enum MergeObjection {
    /// The reason, or nil; and the transitions that the commit went through.
    ///
    /// - Parameter tip: the commit of the branch; nil where there is none.
    static func find(
        to commit: String, tip: String?, tuning: Set<Difference>, _ objects: BranchObjects
    ) async throws -> (reason: MergeReport.Reason?, transitions: TransitionsLog) {
        let logs: [[UInt8]?]
        do {
            logs = try await objects.files([.differenceLog, .transitionsLog], at: commit)
        } catch let error as AnnexBranchError where error.code == .unexpectedContent {
            return (.unreadable, TransitionsLog())
        }
        let transitions = TransitionsLog(parsing: logs[1] ?? [])
        guard Differences(parsing: logs[0] ?? []).isCompatible(with: tuning) else {
            return (.foreignTuning, transitions)
        }
        guard transitions.isUnderstood else { return (.unknownTransition, transitions) }
        guard let tip else { return (nil, transitions) }
        let ours = TransitionsLog(parsing: try await objects.file(.transitionsLog, at: tip) ?? [])
        return (ours.isUnderstood || ours == transitions ? nil : .unknownTransition, transitions)
    }
}

extension MergeReport.Reason: CustomStringConvertible {
    /// In words for whoever pushed.
    public var description: String {
        switch self {
        case .foreignTuning:
            "its difference.log says that it was tuned in another way than this repository; "
                + "annexd repo create --tune makes one that is tuned alike"
        case .unknownTransition: "its transitions.log names a transition that is not known here"
        case .unreadable: "its difference.log or transitions.log cannot be read"
        case .failed: "it could not be merged; the log tells more"
        }
    }
}
