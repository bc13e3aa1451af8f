import type { FtpDialect, FtpFeature } from "./dialect.ts";

/** The digests of HASH and its elders: none of these servers has them as it comes. */
const DIGESTS: readonly FtpFeature[] = ["HASH", "XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512"];

/** What came into FTP after RFC 959 and 1123: servers of the nineties have nothing of it. */
const MODERN: readonly FtpFeature[] = [
  "AUTH",
  "AVBL",
  "CCC",
  "EPRT",
  "EPSV",
  "FEAT",
  "HOST",
  "MFMT",
  "MLSD",
  "MLST",
  "MODE Z",
  "OPTS",
  "PBSZ",
  "PROT",
  "TVFS",
  "UTF8",
  ...DIGESTS,
];

/**
 * Servers as clients meet them, each a plain {@link FtpDialect}: `ftp({ dialect: "iis" })`, or
 * `{ ...FTP_DIALECTS.iis, passiveAddress: "10.0.0.1" }`. They have the words and the habits that a client can stumble over, and
 * no more of the server. Where each is known from is said beside it.
 */
export const FTP_DIALECTS = {
  /**
   * vsftpd 3.0.3 as Debian has it. Source: the texts in its program; `vsftpd.conf(5)`; its FAQ and FEAT know no MLSD.
   */
  vsftpd: {
    greeting: "(vsFTPd 3.0.3)",
    without: [
      "ACCT",
      "AVBL",
      "CCC",
      "HOST",
      "MFMT",
      "MLSD",
      "MLST",
      "MODE Z",
      "REIN",
      "SITE UTIME",
      "TVFS",
      ...DIGESTS,
    ],
    continuation: "code",
    replies: {
      "500": "500 Unknown command.",
      "502": "500 Unknown command.",
      "ACCT 502": "502 ACCT not implemented.",
      "REIN 502": "502 REIN not implemented.",
      "530": "530 Please login with USER and PASS.",
      "USER 331": "331 Please specify the password.",
      "PASS 230": "230 Login successful.",
      "PASS 530": "530 Login incorrect.",
      "QUIT 221": "221 Goodbye.",
      "CWD 250": "250 Directory successfully changed.",
      "CWD 550": "550 Failed to change directory.",
      "PWD 257": '257 "{value}" is the current directory',
      "MKD 257": '257 "{value}" created',
      "PASV 227": "227 Entering Passive Mode ({value}).",
      "LIST 150": "150 Here comes the directory listing.",
      "NLST 150": "150 Here comes the directory listing.",
      "LIST 226": "226 Directory send OK.",
      "NLST 226": "226 Directory send OK.",
      "RETR 550": "550 Failed to open file.",
      "SIZE 550": "550 Could not get file size.",
      "STOR 150": "150 Ok to send data.",
      "APPE 150": "150 Ok to send data.",
      "DELE 250": "250 Delete operation successful.",
      "RNFR 350": "350 Ready for RNTO.",
      "RNTO 250": "250 Rename successful.",
    },
  },
  /**
   * ProFTPD 1.3. Source: its `mod_ls.c`, for the 450 where NLST finds nothing. Its other texts, which end without a full stop,
   * are from memory.
   */
  proftpd: {
    greeting: "ProFTPD Server (wirelab) [127.0.0.1]",
    without: ["AVBL", "MODE Z", ...DIGESTS],
    replies: {
      "USER 331": "331 Password required for {argument}",
      "PASS 530": "530 Login incorrect.",
      "CWD 250": "250 CWD command successful",
      "CWD 550": "550 {argument}: No such file or directory",
      "PWD 257": '257 "{value}" is the current directory',
      "MKD 257": '257 "{value}" - Directory successfully created',
      "LIST 150": "150 Opening ASCII mode data connection for file list",
      "NLST 150": "150 Opening ASCII mode data connection for file list",
      "NLST empty": "450 No files found",
      "226": "226 Transfer complete",
      "RETR 550": "550 {argument}: No such file or directory",
      "SIZE 550": "550 {argument}: No such file or directory",
      "DELE 250": "250 DELE command successful",
      "RNFR 350": "350 File or directory exists, ready for destination name",
      "RNTO 250": "250 Rename successful",
      "QUIT 221": "221 Goodbye.",
    },
  },
  /**
   * Pure-FTPd. Source: its `messages_en.h`, and the greetings and goodbyes of several lines that it is known by, each line of
   * which has the code.
   */
  "pure-ftpd": {
    greeting:
      "---------- Welcome to Pure-FTPd ----------\nYou are user number 1 of 50 allowed.\nThis is a private system - No anonymous login\nYou will be disconnected after 15 minutes of inactivity.",
    without: ["AVBL", "HOST", "MODE Z", ...DIGESTS],
    continuation: "code",
    replies: {
      "500": "500 Unknown command",
      "502": "500 Unknown command",
      "USER 331": "331 User {argument} OK. Password required",
      "PASS 230": "230 OK. Current directory is /\nYour bandwidth usage is restricted",
      "PASS 530": "530 Login authentication failed",
      "CWD 250": "250 OK. Current directory is {path}",
      "CWD 550": "550 Can't change directory to {argument}: No such file or directory",
      "PWD 257": '257 "{value}" is your current location',
      "MKD 257": '257 "{value}" : The directory was successfully created',
      "LIST 150": "150 Accepted data connection",
      "NLST 150": "150 Accepted data connection",
      "RETR 150": "150 Accepted data connection",
      "STOR 150": "150 Accepted data connection",
      "LIST 226": "226 Options: -a -l\n1 matches total",
      "RETR 226": "226 File successfully transferred\n0.000 seconds (measured here), 1.00 Mbytes per second",
      "STOR 226": "226 File successfully transferred\n0.000 seconds (measured here), 1.00 Mbytes per second",
      "QUIT 221": "221 Goodbye. You uploaded 0 and downloaded 0 kbytes.\nLogout.",
    },
  },
  /**
   * IIS 7 and later (Microsoft FTP Service). Source: sessions that users have published, all of which show MS-DOS listings, 125
   * instead of 150 and SYST `Windows_NT`; its FEAT, which has SIZE and MDTM and no MLST.
   */
  iis: {
    greeting: "Microsoft FTP Service",
    listing: "dos",
    without: ["AVBL", "MFMT", "MLSD", "MLST", "MODE Z", "SITE CHMOD", "SITE UTIME", "TVFS", ...DIGESTS],
    replies: {
      "500": "500 Command not understood.",
      "502": "500 Command not understood.",
      "USER 331": "331 Password required",
      "PASS 230": "230 User logged in.",
      "PASS 530": "530 User cannot log in.",
      "SYST 215": "215 Windows_NT",
      "PWD 257": '257 "{value}" is current directory.',
      "CWD 250": "250 CWD command successful.",
      "150": "125 Data connection already open; Transfer starting.",
      "226": "226 Transfer complete.",
      "RETR 550": "550 The system cannot find the file specified. ",
      "SIZE 550": "550 The system cannot find the file specified. ",
      "QUIT 221": "221 Goodbye.",
    },
  },
  /**
   * FileZilla Server 0.9.60. Source: sessions that users have published, with greeting, FEAT, SYST and the replies to listings and
   * transfers.
   */
  filezilla: {
    greeting:
      "FileZilla Server 0.9.60 beta\nwritten by Tim Kosse (tim.kosse@filezilla-project.org)\nPlease visit https://filezilla-project.org/",
    without: ["ACCT", "AVBL", "HOST", "SITE CHMOD", "SITE UTIME", "TVFS", "MODE Z", ...DIGESTS],
    continuation: "code",
    replies: {
      "500": "500 Syntax error, command unrecognized.",
      "502": "500 Syntax error, command unrecognized.",
      "USER 331": "331 Password required for {argument}",
      "PASS 230": "230 Logged on",
      "PASS 530": "530 Login or password incorrect!",
      "SYST 215": "215 UNIX emulated by FileZilla",
      "OPTS 200": "202 UTF8 mode is always enabled. No need to send this command.",
      "TYPE 200": "200 Type set to {argument}",
      "PWD 257": '257 "{value}" is current directory.',
      "CWD 250": '250 CWD successful. "{path}" is current directory.',
      "CWD 550": '550 CWD failed. "{path}": directory not found.',
      "LIST 150": '150 Opening data channel for directory listing of "{path}"',
      "RETR 150": '150 Opening data channel for file download from server of "{path}"',
      "STOR 150": '150 Opening data channel for file upload to server of "{path}"',
      "226": '226 Successfully transferred "{path}"',
      "QUIT 221": "221 Goodbye",
    },
  },
  /**
   * Novell NetWare's FTP server. Source: its lines as D. J. Bernstein's ftpparse and FileZilla's tests quote them, and Midnight
   * Commander's ftpfs, which quotes `215 NETWARE Type: L8` with them. That of what is newer than RFC 1123 it knows SIZE and MDTM alone
   * is a guess from its age.
   */
  netware: {
    listing: "netware",
    without: MODERN,
    encoding: "latin1",
    replies: { "SYST 215": "215 NETWARE Type: L8", "502": "500 Command not understood." },
  },
  /**
   * An embedded device with VxWorks. Source: `220 Tornado-vxWorks (VxWorks5.5.1) FTP server ready`, `331 Password required` and `230
   * User logged in` as clients' authors and scanners quote them; FileZilla's tests for the lines of LIST ("VxWorks based
   * server used in Nortel routers"). That it knows nothing newer than RFC 1123, SIZE included, is a guess from its age.
   */
  vxworks: {
    greeting: "Tornado-vxWorks (VxWorks5.5.1) FTP server ready",
    listing: "vxworks",
    without: [...MODERN, "MDTM", "REST", "SIZE", "SITE", "STOU"],
    encoding: "latin1",
    replies: {
      "502": "500 Command not recognized",
      "USER 331": "331 Password required",
      "PASS 230": "230 User logged in",
    },
  },
  /**
   * A server behind a NAT that nobody told of: PASV gives an address of the inner network (RFC 1918), and there is no EPSV to go round it
   * (RFC 2428 §1, RFC 2663). Source: what curl's `--ftp-skip-pasv-ip` and lftp's `ftp:fix-pasv-address` are documented for.
   */
  nat: { passiveAddress: "10.0.0.99", without: ["EPRT", "EPSV"] },
  /**
   * D. J. Bernstein's publicfile, which is for anonymous reading alone: USER is answered 230, listings are in EPLF, PASV's numbers stand
   * behind an equals sign. Source: https://cr.yp.to/ftp.html and its pages on replies, EPLF and PASV, and its `ftpd.c`.
   */
  publicfile: {
    greeting: "Features: a p .",
    listing: "eplf",
    noAnonymousPassword: true,
    without: [
      ...MODERN,
      "APPE",
      "MDTM",
      "SIZE",
      "DELE",
      "MKD",
      "RMD",
      "RNFR",
      "RNTO",
      "SITE",
      "STOR",
      "STOU",
      "XMKD",
      "XRMD",
    ],
    replies: {
      "502": "502 Sorry, I don't understand that command.",
      "STOR 502": "553 Sorry, I don't allow file modification.",
      "DELE 502": "553 Sorry, I don't allow file modification.",
      "MKD 502": "553 Sorry, I don't allow file modification.",
      "PASS 503": "202 I don't need account information; I'm an anonymous FTP server.",
      "CDUP 250": '200 "{path}"',
      "CWD 250": '250 "{path}"',
      "USER 230": "230 Hi. No need to log in; I'm an anonymous ftp server.",
      "PASV 227": "227 ={value}",
      "QUIT 221": "221 Bye.",
    },
  },
} as const satisfies Readonly<Record<string, FtpDialect>>;

/** The servers that {@link FTP_DIALECTS} imitates. */
export type FtpDialectName = keyof typeof FTP_DIALECTS;
