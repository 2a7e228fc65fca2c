//! The words on the screen by language (3.30): everything a language needs is its one row of `LANGUAGES`.

use jiff::civil::Date;

/// How a date is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateOrder {
    /// 2026-03-01
    YearFirst,
    /// 01/03/2026
    DayFirst,
    /// 01.03.2026
    DayFirstDotted,
}

/// The words of a language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Texts {
    /// Admitted.
    pub pass: &'static str,
    /// Known and refused.
    pub refused: &'static str,
    /// Not on the lists.
    pub stranger: &'static str,
    /// Not a living face.
    pub not_alive: &'static str,
    /// A mask has to be worn and is not.
    pub no_mask: &'static str,
    /// Too high a temperature.
    pub fever: &'static str,
    /// A card nobody bears.
    pub unknown_card: &'static str,
    /// A password that opens nothing.
    pub wrong_pin: &'static str,
    /// The face is not that of the card's bearer.
    pub not_bearer: &'static str,
    /// A card has to be presented too.
    pub show_card: &'static str,
    /// An identity card has to be presented too.
    pub show_id_card: &'static str,
    /// The face has to be shown too.
    pub show_face: &'static str,
    /// The temperature is still to be measured.
    pub measuring: &'static str,
    /// Stands for the number of a temperature outside the limits.
    pub abnormal: &'static str,
    /// Before the number of a card.
    pub card: &'static str,
    /// Before the number of an identity card.
    pub id_card: &'static str,
    /// Before the terminal's number.
    pub device: &'static str,
    /// Before the number of registered people.
    pub people: &'static str,
    /// How a date is written.
    pub date: DateOrder,
    /// Monday first.
    pub weekdays: [&'static str; 7],
}

/// By the document's language number, 0 first. The Chinese tips are the document's own (3.1).
pub static LANGUAGES: [Texts; 10] = [
    Texts {
        pass: "Please pass",
        refused: "No entry",
        stranger: "Not registered",
        not_alive: "Please show your own face",
        no_mask: "Please wear a mask",
        fever: "Temperature too high",
        unknown_card: "Unknown card",
        wrong_pin: "Wrong password",
        not_bearer: "This is not your card",
        show_card: "Please present your card",
        show_id_card: "Please present your ID card",
        show_face: "Please look at the camera",
        measuring: "Measuring temperature",
        abnormal: "Abnormal temperature",
        card: "Card",
        id_card: "ID card",
        device: "ID",
        people: "People",
        date: DateOrder::YearFirst,
        weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    },
    Texts {
        pass: "请通行",
        refused: "禁止通行",
        stranger: "陌生人",
        not_alive: "请本人通行",
        no_mask: "请佩戴口罩",
        fever: "体温过高",
        unknown_card: "未登记的卡",
        wrong_pin: "密码错误",
        not_bearer: "人卡不符",
        show_card: "请刷卡",
        show_id_card: "请刷身份证",
        show_face: "请正对摄像头",
        measuring: "正在测量体温",
        abnormal: "体温异常",
        card: "卡号",
        id_card: "身份证",
        device: "设备号",
        people: "人数",
        date: DateOrder::YearFirst,
        weekdays: ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"],
    },
    Texts {
        pass: "請通行",
        refused: "禁止通行",
        stranger: "陌生人",
        not_alive: "請本人通行",
        no_mask: "請佩戴口罩",
        fever: "體溫過高",
        unknown_card: "未登記的卡",
        wrong_pin: "密碼錯誤",
        not_bearer: "人卡不符",
        show_card: "請刷卡",
        show_id_card: "請刷身份證",
        show_face: "請正對攝像頭",
        measuring: "正在測量體溫",
        abnormal: "體溫異常",
        card: "卡片",
        id_card: "身份證",
        device: "設備",
        people: "人員",
        date: DateOrder::YearFirst,
        weekdays: ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"],
    },
    Texts {
        pass: "Pode passar",
        refused: "Acesso negado",
        stranger: "Desconhecido",
        not_alive: "Mostre o seu próprio rosto",
        no_mask: "Use máscara, por favor",
        fever: "Temperatura muito alta",
        unknown_card: "Cartão desconhecido",
        wrong_pin: "Senha incorreta",
        not_bearer: "Este cartão não é seu",
        show_card: "Apresente o cartão",
        show_id_card: "Apresente a identidade",
        show_face: "Olhe para a câmera",
        measuring: "Medindo a temperatura",
        abnormal: "Temperatura anormal",
        card: "Cartão",
        id_card: "Identidade",
        device: "ID",
        people: "Pessoas",
        date: DateOrder::DayFirst,
        weekdays: ["Segunda-feira", "Terça-feira", "Quarta-feira", "Quinta-feira", "Sexta-feira", "Sábado", "Domingo"],
    },
    Texts {
        pass: "통과하세요",
        refused: "출입 금지",
        stranger: "미등록자",
        not_alive: "본인 얼굴을 보여 주세요",
        no_mask: "마스크를 착용하세요",
        fever: "체온이 높습니다",
        unknown_card: "등록되지 않은 카드",
        wrong_pin: "비밀번호가 틀렸습니다",
        not_bearer: "본인 카드가 아닙니다",
        show_card: "카드를 대 주세요",
        show_id_card: "신분증을 대 주세요",
        show_face: "카메라를 봐 주세요",
        measuring: "체온 측정 중",
        abnormal: "체온 이상",
        card: "카드",
        id_card: "신분증",
        device: "기기 번호",
        people: "인원",
        date: DateOrder::YearFirst,
        weekdays: ["월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"],
    },
    Texts {
        pass: "Проходите",
        refused: "Вход запрещён",
        stranger: "Не зарегистрирован",
        not_alive: "Покажите своё лицо",
        no_mask: "Наденьте маску",
        fever: "Высокая температура",
        unknown_card: "Неизвестная карта",
        wrong_pin: "Неверный пароль",
        not_bearer: "Это не ваша карта",
        show_card: "Приложите карту",
        show_id_card: "Приложите удостоверение",
        show_face: "Посмотрите в камеру",
        measuring: "Измеряется температура",
        abnormal: "Температура не в норме",
        card: "Карта",
        id_card: "Удостоверение",
        device: "ID",
        people: "Людей",
        date: DateOrder::DayFirstDotted,
        weekdays: ["Понедельник", "Вторник", "Среда", "Четверг", "Пятница", "Суббота", "Воскресенье"],
    },
    Texts {
        pass: "Prego, passare",
        refused: "Accesso negato",
        stranger: "Sconosciuto",
        not_alive: "Mostrare il proprio viso",
        no_mask: "Indossare la mascherina",
        fever: "Temperatura troppo alta",
        unknown_card: "Tessera sconosciuta",
        wrong_pin: "Password errata",
        not_bearer: "Questa tessera non è sua",
        show_card: "Avvicinare la tessera",
        show_id_card: "Avvicinare la carta d'identità",
        show_face: "Guardare la telecamera",
        measuring: "Misurazione in corso",
        abnormal: "Temperatura anomala",
        card: "Tessera",
        id_card: "Carta d'identità",
        device: "ID",
        people: "Persone",
        date: DateOrder::DayFirst,
        weekdays: ["Lunedì", "Martedì", "Mercoledì", "Giovedì", "Venerdì", "Sabato", "Domenica"],
    },
    Texts {
        pass: "Passez",
        refused: "Accès refusé",
        stranger: "Inconnu",
        not_alive: "Montrez votre propre visage",
        no_mask: "Portez un masque, s'il vous plaît",
        fever: "Température trop élevée",
        unknown_card: "Carte inconnue",
        wrong_pin: "Mot de passe erroné",
        not_bearer: "Cette carte n'est pas la vôtre",
        show_card: "Présentez votre carte",
        show_id_card: "Présentez votre carte d'identité",
        show_face: "Regardez la caméra",
        measuring: "Mesure de la température",
        abnormal: "Température anormale",
        card: "Carte",
        id_card: "Carte d'identité",
        device: "ID",
        people: "Personnes",
        date: DateOrder::DayFirst,
        weekdays: ["Lundi", "Mardi", "Mercredi", "Jeudi", "Vendredi", "Samedi", "Dimanche"],
    },
    Texts {
        pass: "Adelante",
        refused: "Acceso denegado",
        stranger: "Desconocido",
        not_alive: "Muestre su propio rostro",
        no_mask: "Póngase la mascarilla",
        fever: "Temperatura demasiado alta",
        unknown_card: "Tarjeta desconocida",
        wrong_pin: "Contraseña incorrecta",
        not_bearer: "Esta tarjeta no es suya",
        show_card: "Presente su tarjeta",
        show_id_card: "Presente su documento",
        show_face: "Mire a la cámara",
        measuring: "Midiendo la temperatura",
        abnormal: "Temperatura anormal",
        card: "Tarjeta",
        id_card: "Documento",
        device: "ID",
        people: "Personas",
        date: DateOrder::DayFirst,
        weekdays: ["Lunes", "Martes", "Miércoles", "Jueves", "Viernes", "Sábado", "Domingo"],
    },
    Texts {
        pass: "お通りください",
        refused: "立入禁止",
        stranger: "未登録",
        not_alive: "ご本人の顔を見せてください",
        no_mask: "マスクを着用してください",
        fever: "体温が高すぎます",
        unknown_card: "未登録のカードです",
        wrong_pin: "暗証番号が違います",
        not_bearer: "ご本人のカードではありません",
        show_card: "カードをかざしてください",
        show_id_card: "身分証をかざしてください",
        show_face: "カメラを見てください",
        measuring: "体温を測定しています",
        abnormal: "体温異常",
        card: "カード",
        id_card: "身分証",
        device: "端末番号",
        people: "登録人数",
        date: DateOrder::YearFirst,
        weekdays: ["月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日", "日曜日"],
    },
];

/// The words of a language; English where the number has none.
#[must_use]
pub fn texts(language: i64) -> &'static Texts {
    usize::try_from(language).ok().and_then(|n| LANGUAGES.get(n)).unwrap_or(&LANGUAGES[0])
}

impl Texts {
    /// A date with its weekday.
    #[must_use]
    pub fn day(&self, date: Date) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let written = match self.date {
            DateOrder::YearFirst => format!("{year:04}-{month:02}-{day:02}"),
            DateOrder::DayFirst => format!("{day:02}/{month:02}/{year:04}"),
            DateOrder::DayFirstDotted => format!("{day:02}.{month:02}.{year:04}"),
        };
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).ok().and_then(|n| self.weekdays.get(n));
        format!("{written} {}", weekday.unwrap_or(&""))
    }

    /// Every text, for who has to know that each can be drawn.
    #[must_use]
    pub fn all(&self) -> Vec<&'static str> {
        // Without `..`: a new text that is forgotten here does not compile.
        let Self {
            pass,
            refused,
            stranger,
            not_alive,
            no_mask,
            fever,
            unknown_card,
            wrong_pin,
            not_bearer,
            show_card,
            show_id_card,
            show_face,
            measuring,
            abnormal,
            card,
            id_card,
            device,
            people,
            date: _,
            weekdays,
        } = *self;
        let mut all = vec![
            pass,
            refused,
            stranger,
            not_alive,
            no_mask,
            fever,
            unknown_card,
            wrong_pin,
            not_bearer,
            show_card,
            show_id_card,
            show_face,
            measuring,
            abnormal,
            card,
            id_card,
            device,
            people,
        ];
        all.extend(weekdays);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_language_does() {
        let date = Date::constant(2026, 3, 1);
        for (language, expect) in [
            (0, "2026-03-01 Sunday"),
            (1, "2026-03-01 星期日"),
            (5, "01.03.2026 Воскресенье"),
            (7, "01/03/2026 Dimanche"),
        ] {
            assert_eq!(texts(language).day(date), expect);
        }
        assert_eq!(texts(99), &LANGUAGES[0]);
    }
}
