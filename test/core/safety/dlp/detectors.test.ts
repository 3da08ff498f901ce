import { describe, expect, it } from "vitest";
import { createDlp } from "../../../../core/safety/dlp/dlp.ts";
import { SECRET_TOKEN } from "../../../../core/safety/dlp/secret-formats.ts";

const dlp = createDlp();
const masked = (text: string): string => dlp.redact(text, dlp.inspect(text).entities);

describe("a mobile number", () => {
  it.each([
    ["快遞請打0912345678", "快遞請打[tw_mobile]"],
    ["工单#3321 报修人 孙工 13800138000", "工单#3321 报修人 孙工 [cn_mobile]"],
    ["快递员13800138000", "快递员[cn_mobile]"],
    ["订单备注:到了打13800138000", "订单备注:到了打[cn_mobile]"],
    ["快递放门口,13800138000", "快递放门口,[cn_mobile]"],
    ["call +86 138 0013 8000 or (+886) 912345678", "call [cn_mobile] or [tw_mobile]"],
    ["(138) 0013-8000", "([cn_mobile]"],
    ["138.1234.5678", "[cn_mobile]"],
    ["1380.0138.000", "[cn_mobile]"],
    ["1 3 8, 0 0 1 3, 8 0 0 0", "[cn_mobile]"],
    ["手机 138.12345678", "手机 [cn_mobile]"],
    ["138.001.380.00", "[cn_mobile]"],
    ["手机 138.123.145.67", "手机 [cn_mobile]"],
    ["手机 1380 (0138), 000", "手机 [cn_mobile]"],
    ["order +8613800138000", "order [cn_mobile]"],
    ["订单 138 0013 8000", "订单 [cn_mobile]"],
    ["reorder 13800138000", "reorder [cn_mobile]"],
    ["order 13900139000 13800138000", "order 13900139000 [cn_mobile]"],
    ["订单收货人张三，13800138000", "订单收货人张三，[cn_mobile]"],
    ["我的订单怎么还没到？13800138000", "我的订单怎么还没到？[cn_mobile]"],
    ["編號1 王小明 0912345678", "編號1 王小明 [tw_mobile]"],
    ["编号 001 13800138000", "编号 001 [cn_mobile]"],
    ["invoice for Bob 138-0013-8000", "invoice for Bob [cn_mobile]"],
    ["手机&#49;&#51;&#56;00138000", "手机[cn_mobile]"],
    ["手机138&#8203;0013&#x200B;8000", "手机[cn_mobile]"],
    ["13800138000元旦快乐", "[cn_mobile]元旦快乐"],
  ])("is found: %s", (text, expected) => expect(masked(text)).toBe(expected));

  it.each([
    "订单号 13800138000",
    "订单号 123、13800138000",
    "工单 13800138000",
    "快递 13800138000",
    "手机订单号：13800138000",
    "Zoom ID 138 0013 8000 passcode 4321",
    "transaction id 13800138000",
    "SN: 13800138000",
    "Invoice Number: 123、13800138000",
    "学号 13800138000",
    '{"id":13800138000}',
    "https://a.example/order?id=13800138000",
    "https://a.example/items/13800138000",
    "共 13800138000 字节，13800138000元",
    "call 1-800-555-0199",
    "庫存 0912 件,出 345 件,剩 678 件",
    "坐标 138.12345678",
    "no answer from 192.168.100.21, nor from 172.168.120.10",
    "medians 1840 (1674), 350 and 1998 (1881) and 354",
    "p50 73 s, p99 140 s), at 16 in about 250 s (132",
    "at 50 calls a second 140 s, at 16 in about 250 s (132",
    "an excellent callback 1840 (1674), 350",
  ])("is none: %s", (text) => expect(masked(text)).toBe(text));
});

describe("China's resident number", () => {
  it.each(["X", "х", "×", "Χ"])("ends in what looks like an X: %s", (check) => {
    expect(masked(`身份证11010519491231002${check}。`)).toBe("身份证[cn_resident_id]。");
  });

  it("is none of somebody who is not born yet", () => {
    const verdictIn = (year: number) =>
      createDlp({ now: () => new Date(Date.UTC(year, 6)) }).inspect("110101209912314403").action;
    expect(verdictIn(2098)).toBe("allow");
    expect(verdictIn(2099)).toBe("redact");
  });

  it("is no card because a numeral follows", () => {
    expect(masked("信息:420106196605220698/二等座")).toBe("信息:[cn_resident_id]/二等座");
  });
});

describe("a social security number", () => {
  it("is none of another country", () => {
    expect(masked("SSN 536-22-8714, +49 536 22 8714")).toBe("SSN [us_ssn], +49 536 22 8714");
  });
});

describe("a payment card", () => {
  it.each([
    "4111 then 1111 then 1111 then 1111",
    "4 1 1 1-1 1 1 1-1 1 1 1-1 1 1 1",
    "4 1 1 1, 1 1 1 1, 1 1 1 1, 1 1 1 1",
    '["4111","1111", "1111","1111"]',
    "4111 first 1111 second 1111 last 1111",
    "card 4111 for 1111 the 1111, last 1111",
  ])("is found: %s", (text) => expect(dlp.inspect(text).action).toBe("block"));

  it.each([
    "4011 sharding required, 4012 version, 4013 bad intents, 4014",
    "tick 40 tick 41 tick 42 tick 43 tick 44 tick 45 tick 46 tick 47 tick 48 tick 49 tick 50 tick 51",
    '["4", "1,1,1", "1,1,1", "1,1,1", "1,1,1", "1,1,1"]',
  ])("is none: %s", (text) => expect(dlp.inspect(text).action).toBe("allow"));
});

describe("Taiwan's number", () => {
  it.each([
    "A12345/6789",
    "A,123,456,789",
    "A123*456*789",
    "A-1-2-3,4-5-6,7-8-9",
    "A1 2345-6789",
    "А123456789",
  ])("is found: %s", (id) => expect(masked(`身分證 ${id}`)).toBe("身分證 [tw_id]"));

  it("is none in decimals", () => {
    expect(masked("node x 1.16, 0.89, 1.14")).toBe("node x 1.16, 0.89, 1.14");
  });

  it("leaves no stream in mathematical digits before it is complete", () => {
    const text = "身分證 A𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗";
    const stream = dlp.stream();
    for (let at = 0; at < text.length; at++) stream.push(text.slice(at, at + 1));
    stream.end();
    expect(stream.verdict()).toEqual(dlp.inspect(text));
    expect(stream.verdict().entities).toHaveLength(1);
  });
});

describe("an IBAN", () => {
  it.each([
    "DE89 3704 0044 0532 0130 00",
    "DE89/3704/0044/0532/0130/00",
    "DE89,3704,0044,0532,0130,00",
  ])("is found whatever separates it: %s", (iban) => expect(masked(iban)).toBe("[iban]"));

  it("is found with few digits in it", () => {
    expect(masked("account SA6376N1UEBS1USTBTRWFMB5")).toBe("account [iban]");
  });

  it("is found behind its name without a blank", () => {
    expect(masked("請款單附上IBANDE89370400440532013000")).toBe("請款單附上IBAN[iban]");
  });

  it("is no card, though a part of it may look like one", () => {
    const iban = "DE95 4111 1111 1111 1111 00";
    expect(dlp.inspect(iban)).toEqual({
      action: "redact",
      entities: [{ type: "iban", start: 0, end: iban.length }],
    });
    // One digit less is no IBAN.
    expect(dlp.inspect(iban.slice(0, -1)).action).toBe("block");
  });

  it("hides no card where IBANs pass", () => {
    const open = createDlp({ detectors: { iban: "report" } });
    expect(open.inspect("DE95 4111 1111 1111 1111 00").action).toBe("block");
  });
});

describe("an e-mail address", () => {
  it.each([
    ["寄 amy@example。com 謝謝", "寄 [email] 謝謝"],
    ["寄給amy@example.com。Thanks", "寄給[email]。Thanks"],
    ["mail kate_at_example_dot_com", "mail [email]"],
    ["jose\u0301@example.com", "[email]"],
    ["jos\u00e9@example.com", "[email]"],
    ["寫信到 user@bücher.example 謝謝", "寫信到 [email] 謝謝"],
    ["mail anna@exаmple.com", "mail [email]"],
    ["mail аnna@example.com", "mail [email]"],
    ["zhangsan (艾特) 163.com", "[email]"],
    ["tom(dot)lee(at)example(dot)com", "[email]"],
    ["https://amy@example.com", "https://[email]"],
    ["mail amy&#64;example&#x2e;com", "mail [email]"],
  ])("is found: %s", (text, expected) => expect(masked(text)).toBe(expected));

  it.each([
    "git@github.com 連不上",
    "Look at example dot com",
    "contact us at example dot com",
    "ssh admin@10.0.0.5",
    "https://user@github.com/org/repo.git",
  ])("is none: %s", (text) => expect(masked(text)).toBe(text));
});

describe("a password", () => {
  it.each([
    [
      "curl -u deploy:FOMv80rb81DL https://a.example/",
      "curl -u deploy:[secret] https://a.example/",
    ],
    ["sshpass -p 'Zk93!xTqLp' ssh a", "sshpass -p '[secret]' ssh a"],
    ["mysql -h db -u root -pZk93xTqLp hr", "mysql -h db -u root -p[secret] hr"],
    ["tool --db-password Zk93xTqLp", "tool --db-password [secret]"],
    ["password\nZk93!xTqLp", "password\n[secret]"],
    ["密碼 Aq1!sW2@dE3# 帳號 admin", "密碼 [secret] 帳號 admin"],
    ["passwd m9Xv22LqRt", "passwd [secret]"],
    ["p@ssw0rd: n8Bv!22LqRt", "p@ssw0rd: [secret]"],
    ["PW=n8Bv!22LqRt", "PW=[secret]"],
    ["root 密碼改成 Vv3$kdPq81x 了", "root 密碼改成 [secret] 了"],
    ["密碼就是 Kd83!kQpW2", "密碼就是 [secret]"],
    ["密码∶Kd83!kQpW2", "密码∶[secret]"],
    ["密 碼:Kd83!kQpW2", "密 碼:[secret]"],
    ["p a s s w o r d: Kd83!kQpW2", "p a s s w o r d: [secret]"],
    ["密码(勿外传) Kd83!kQpW2z", "密码(勿外传) [secret]"],
    ["pwd→Kd83!kQpW2", "pwd→[secret]"],
    ["api-key - NqrAsd3oNZLPffk4vBqwFWN00k76", "api-key - [secret]"],
    ["秘钥:k3Jx82mqPv9ZtR", "秘钥:[secret]"],
    ["密-码:Kd83!kQpW2", "密-码:[secret]"],
    ["mima:Kd83!kQpW2", "mima:[secret]"],
    ["пароль: Kd83!kQpW2", "пароль: [secret]"],
    ["contraseña: Kd83!kQpW2", "contraseña: [secret]"],
    ["pаsswоrd: vT4kL9zQe2", "pаsswоrd: [secret]"],
    ["pássword: pV7rQ2xZ9", "pássword: [secret]"],
    [
      "![b](https://a.example/b.svg?token=yZL6LtXkOA12)](https://a.example)",
      "![b](https://a.example/b.svg?token=[secret])](https://a.example)",
    ],
    [
      "postgres://admin:secret@db.example:5432/prod",
      "postgres://admin:[secret]@db.example:5432/prod",
    ],
    ["redis://:password@host:6379", "redis://:[secret]@host:6379"],
    ["https://admin:changeme@host.example", "https://admin:[secret]@host.example"],
    ["ftp://user:mypassword@host.example", "ftp://user:[secret]@host.example"],
    ["export DB_PASSWORD=swordfish", "export DB_PASSWORD=[secret]"],
    ["DB_PASS=prodpass # old", "DB_PASS=[secret] # old"],
    ["with password=letmein.", "with password=[secret]."],
    [
      "jdbc:x://h/db?user=fred&password=secret&ssl=1",
      "jdbc:x://h/db?user=fred&password=[secret]&ssl=1",
    ],
    ['password="secret"', 'password="[secret]"'],
    ["user: bob\npassword: iloveyou\nhost: x", "user: bob\npassword: [secret]\nhost: x"],
    ["密码：opensesame，别外传", "密码：[secret]，别外传"],
    ["密码是 zhangsan", "密码是 [secret]"],
    ["<password>Kd83!kQpW2</password>", "<password>[secret]</password>"],
    ['<add key="password" value="Kd83!kQpW2"/>', '<add key="password" value="[secret]"/>'],
    ["create user a identified by 'Sql#Pass1'", "create user a identified by '[secret]'"],
    ["os.environ['TOKEN']='wYYIXjdxaHmdUbkBpLdu7K2'", "os.environ['TOKEN']='[secret]'"],
    ["| password | Kd83!kQpW2 |", "| password | [secret] |"],
    ["please reset my password to Kd83!kQpW2", "please reset my password to [secret]"],
    ["口 令：Kd83!kQpW2", "口 令：[secret]"],
    ["密·码：Kd83!kQpW2", "密·码：[secret]"],
    ["psw=Kd83!kQpW2", "psw=[secret]"],
    ["WiFi密码：88888888", "WiFi密码：[secret]"],
  ])("is found: %s", (text, expected) => expect(masked(text)).toBe(expected));

  it.each([
    "password: required",
    "<label>Password</label> <password></password>",
    "| password | varchar(255) | set password to Something2 |",
    "Password: Sunshine state of mind",
    "password: at least eight characters",
    "密码：请联系管理员",
    "密码：bcrypt 加密存储",
    "password=<your password>",
    "password=args.password",
    "connect(user=user, password=secret)",
    "const login = { password: newPassword }",
    "interface Login { password: string; }",
    "password=newPassword",
    "password_hint=mother",
    "password: !vault",
    "tests pass: twelve",
    "build?pass=false",
    "postgres://USER:PASSWORD@HOST:PORT/DB",
    "https://username:password@host.example",
    "ftp://anonymous:anonymous@ftp.example",
    "docker run -u www-data:www-data nginx",
    "docker run --user 1000:1000 nginx",
    "curl -u admin:password https://a.example",
    "curl -u name:$PASSWORD https://a.example",
    "tool --password $DB_PASS --token <token>",
    "mysql -p hr",
    "password OAuth2.0 grant",
    "the password Base64 and SHA256 forms",
    "密码 Wi-Fi6E 设备",
    "token usage-2026-Q3-Report",
    "密码设为强制更换",
    "ask: 1a2b3c4d5e6f7a8b, task=1a2b3c4d5e6f7a8b",
    'you can pass\n`"asNeeded"` here',
    "pass `installerOptions`: {}",
    "Яндекс2024: пароль",
  ])("is none: %s", (text) => expect(masked(text)).toBe(text));
});

describe("a key with a form of its own", () => {
  const random = "f6pcTfZuCHiRnqZW0aB3xK9m";
  const hex = "3d0a836825153000f57584f71aaba5f2";
  it.each([
    ["Baidu", `bce-v3/ALTAK-${random.slice(0, 21)}/${hex}0a1b2c3d`],
    ["Volcengine", `AKLT${random}${random.slice(0, 20)}`],
    ["Zhipu", `${hex}.${random.slice(0, 16)}`],
    ["Amazon Bedrock", `ABSK${random.repeat(5)}==`],
    ["Atlassian", `ATATT3${random.repeat(3)}`],
    ["Grafana", `glsa_${random}${random.slice(0, 8)}_1a2b3c4d`],
    ["New Relic", "NRAK-K3JX82MQPV9ZTRW7HB4YN6C1DAF"],
    ["Feishu", `open.feishu.cn/open-apis/bot/v2/hook/c8a1b2d3-1234-4e5f-8a9b-0c1d2e3f4a5b`],
    ["Notion", `ntn_${random}${random}`],
    ["ElevenLabs", `sk_${hex}0a1b2c3d4e5f6071`],
    ["Airtable", `pat${random.slice(0, 14)}.${hex}${hex}`],
    ["age", `AGE-SECRET-KEY-1${"QZRY9X8GF2TVDW0S3JN5".repeat(3).slice(0, 58)}`],
    ["Amazon, in look-alikes", "АКІАJGT5JSUALGJ4IPBN"],
  ])("is found: %s", (_, key) => expect(masked(`use ${key} here`)).toBe("use [secret] here"));

  it("is none with a file's ending behind a hash", () => {
    expect(masked(`see ${hex}.integritymanifest`)).toBe(`see ${hex}.integritymanifest`);
  });

  it("is covered to its end where it is torn", () => {
    expect(masked(`k sk-proj-\n${random}${random}${random}.`)).toBe("k [secret].");
  });
});

describe("a private key", () => {
  const heading = "-----BEGIN RSA PRIVATE KEY-----";
  const ending = "-----END RSA PRIVATE KEY-----";
  it.each([
    [heading, "[secret]"],
    [`请看 ${heading}`, "请看 [secret]"],
    [`{"key":"${heading}"}`, '{"key":"[secret]"}'],
    [`${heading}b3BlbnNzaC1rZXk`, "[secret]"],
    [`${heading}\n...\n${ending} it was`, "[secret] it was"],
    [`${heading}\nabc\n${heading}\n${ending}.`, "[secret]\nabc\n[secret]."],
    ["----- BEGIN PRIVATE KEY -----\nMIIE2Oykau2zHI\n----- END PRIVATE KEY -----", "[secret]"],
  ])("is found, or its heading alone: %s", (text, expected) => expect(masked(text)).toBe(expected));

  it.each([
    `The file starts with ${heading} and ends with ${ending}`,
    `It is the one with \`${heading}\`.`,
    `以${heading}开头的文件`,
    "BEGIN PRIVATE KEY",
    "-----BEGIN PUBLIC KEY-----",
  ])("is none where a sentence names its heading: %s", (text) => expect(masked(text)).toBe(text));
});

describe("a key with a form of its own", () => {
  it("is found at the start of a text after the search of another one that broke off", () => {
    SECRET_TOKEN.lastIndex = 5;
    expect(masked("npm_k7Rq2ZxT9vLm4WcY1bNd8HsJ6fGpA3eUoQ5i is it")).toBe("[secret] is it");
  });
});
