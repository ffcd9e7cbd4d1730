import Glibc
public import SystemPackage

extension OpenFile {
    /// Where the file is now, whatever was renamed since it was opened; nil where the kernel does not tell.
    ///
    /// Of a file that was unlinked, what the kernel says names no file.
    public var currentPath: FilePath? {
        let size = Int(PATH_MAX)
        var buffer = [UInt8](repeating: 0, count: size)
        let count = FilePath("/proc/self/fd/\(descriptor)").withPlatformString { link in
            buffer.withUnsafeMutableBytes { bytes in
                bytes.bindMemory(to: CChar.self).baseAddress.map { readlink(link, $0, size) } ?? -1
            }
        }
        return count > 0 && count < size ? FilePath(bytes: buffer[..<count]) : nil
    }
}

extension FilePath {
    /// A path of raw bytes that need not be UTF-8. They hold no NUL.
    public init(bytes: some Sequence<UInt8>) {
        self.init(platformString: bytes.map { CChar(bitPattern: $0) } + [0])
    }
}
