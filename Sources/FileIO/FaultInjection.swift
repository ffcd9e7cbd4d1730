#if DEBUG
    import Synchronization
    package import SystemPackage

    /// Lets tests make single file operations fail. Release builds know nothing of it.
    ///
    /// A plan counts the operations on paths below one folder, so that tests that run at the same time do not disturb
    /// each other, and lets the one with a chosen number fail with a chosen errno, once.
    package final class FaultPlan: Sendable {
        private struct State {
            var count = 0
            var struck: String?
        }

        private let folder: [UInt8]
        private let target: Int?
        private let code: Errno
        private let operations: Set<String>?
        private let state = Mutex(State())

        /// - Parameters:
        ///   - folder: only operations on paths below it count.
        ///   - target: the number of the operation that fails, from 0 on; nil only counts.
        ///   - operations: only operations of these names count, such as `fsync` and `rename`; nil for all of them.
        package init(below folder: FilePath, target: Int?, code: Errno = .ioError, operations: Set<String>? = nil) {
            self.folder = folder.bytes
            self.target = target
            self.code = code
            self.operations = operations
        }

        /// How many operations were counted so far.
        package var count: Int { state.withLock { $0.count } }

        /// The operation that failed, for example `fsync "/tmp/x"`; nil as long as none did.
        package var struck: String? { state.withLock { $0.struck } }

        fileprivate func strike(_ operation: String, _ path: FilePath) -> Errno? {
            guard operations?.contains(operation) ?? true, path.bytes.starts(with: folder) else { return nil }
            return state.withLock { state in
                defer { state.count += 1 }
                guard state.count == target else { return nil }
                state.struck = "\(operation) \"\(path)\""
                return code
            }
        }

        /// Runs `body` with this plan in force for every thread of the process.
        package func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
            FaultInjection.add(self)
            defer { FaultInjection.remove(self) }
            return try await body()
        }
    }

    enum FaultInjection {
        private static let plans = Mutex<[FaultPlan]>([])
        private static let isActive = Atomic(false)

        static func add(_ plan: FaultPlan) {
            plans.withLock { $0.append(plan) }
            isActive.store(true, ordering: .relaxed)
        }

        static func remove(_ plan: FaultPlan) {
            plans.withLock { plans in
                plans.removeAll { $0 === plan }
                isActive.store(!plans.isEmpty, ordering: .relaxed)
            }
        }

        /// The errno that this operation has to fail with; asked once before each.
        static func strike(_ operation: String, _ path: FilePath) -> Errno? {
            guard isActive.load(ordering: .relaxed) else { return nil }
            return plans.withLock { plans in
                for plan in plans {
                    if let code = plan.strike(operation, path) { return code }
                }
                return nil
            }
        }
    }
#else
    import SystemPackage
#endif

/// Throws where a test wants this operation to fail; does nothing in release builds.
@inline(__always)
func injectFault(_ operation: String, _ path: FilePath) throws(FileError) {
    #if DEBUG
        if let code = FaultInjection.strike(operation, path) {
            throw FileError(operation: operation, path: path, code: code)
        }
    #endif
}
