// The program of `make fuzz`: libFuzzer around one target, which ANNEXD_FUZZ_TARGET names. Built only with ANNEXD_FUZZ.

import Glibc

/// libFuzzer's own loop (`-fsanitize=fuzzer-no-link` and libclang_rt.fuzzer_no_main).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

private let target: FuzzTarget = {
    let name = getenv("ANNEXD_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        complain("ANNEXD_FUZZ_TARGET is one of: \(FuzzTarget.all.map(\.name).joined(separator: " "))")
        exit(2)
    }
    return target
}()

private func complain(_ line: String) {
    var line = line + "\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

@main
enum Fuzzer {
    static func main() {
        if CommandLine.arguments.dropFirst() == ["--list"] {
            for target in FuzzTarget.all { print(target.name) }
            return
        }
        _ = target
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        let status = runDriver(&count, &arguments) { bytes, count in
            do {
                try target.check(FuzzInput(UnsafeBufferPointer(start: bytes, count: count)))
            } catch {
                complain("broken property of \(target.name): \(error)")
                abort()
            }
            return 0
        }
        exit(status)
    }
}
