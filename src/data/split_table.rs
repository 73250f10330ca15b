//! Words that name a split, by language: in lower case, without separators, in Unicode's composed form.

/// Of each language: words for training, validation, test and unlabelled images. English comes first.
pub(super) const LANGUAGES: [(&str, [&str; 4]); 25] = [
    (
        "English",
        [
            "train training trn labeled labelled",
            "val valid validation validate validating dev development eval evaluation evaluate",
            "test testing tst holdout heldout",
            "unlabeled unlabelled unlabel unlab unsorted unclassified unannotated untagged unsup unsupervised nolabel nolabels \
         notlabeled notlabelled tobelabeled tobelabelled notannotated notlabelledyet notlabeledyet notyetlabelled notyetlabeled notsorted notsortedyet notyetsorted \
         yettolabel noclass noclasses noclassyet withoutclass withoutclasses unassigned withoutlabel withoutlabels uncategorized uncategorised",
        ],
    ),
    (
        "Korean",
        [
            "훈련 학습 훈련용 학습용 트레인 트레이닝",
            "검증 검증용 평가 평가용",
            "테스트 테스트용 시험 시험용",
            "미분류 미지정 라벨없음 레이블없음 무라벨 미라벨 라벨링전 클래스없음 분류없음 분류안됨 라벨안됨",
        ],
    ),
    (
        "Chinese",
        [
            "训练 訓練 训练用",
            "验证 驗證 验证用",
            "测试 測試 测试用",
            "未标注 未標註 未标记 未標記 未分类 未分類 无标签 無標籤 无类别 無類別 没有标签",
        ],
    ),
    (
        "Japanese",
        [
            "学習 学習用 訓練用 トレーニング",
            "検証 検証用 評価 評価用",
            "テスト テスト用 試験 試験用",
            "ラベルなし ラベル無し 未ラベル 未分類 クラスなし クラス無し",
        ],
    ),
    (
        "German",
        [
            "trainings trainieren lern lerndaten",
            "validierung validierungs prüfung prüf pruefung pruef",
            "testen testung",
            "ungelabelt unbeschriftet ohneklasse ohneklassen ohnelabels ohnekategorie keineklasse nochnichtgelabelt nichtsortiert unsortiert ohnelabel nichtgelabelt unklassifiziert unmarkiert",
        ],
    ),
    (
        "French",
        [
            "entraînement entrainement entraîner apprentissage",
            "valider évaluation",
            "essai essais",
            "nonétiqueté nonétiquetées nonétiquetés nonetiquete nonetiquetees sansétiquette sansetiquette sanslabel sansclasse sanscatégorie sanscategorie nonclassé \
         nonclassées nonclassés nonclasse nontrié nontriées nontriés nontrie",
        ],
    ),
    (
        "Spanish",
        [
            "entrenamiento entrenar entreno",
            "validación validacion validar evaluación evaluacion",
            "prueba pruebas",
            "sinetiqueta sinetiquetas sinetiquetar sinclase sincategoría sincategoria sinclasificar sinordenar noetiquetado noetiquetados noetiquetadas",
        ],
    ),
    (
        "Portuguese",
        [
            "treino treinamento treinar",
            "validação validacao avaliação avaliacao",
            "teste testes",
            "semrótulo semrotulo semrótulos semetiqueta semclasse semcategoria nãorotulado naorotulado nãorotuladas naorotuladas nãoclassificado",
        ],
    ),
    (
        "Italian",
        [
            "addestramento allenamento",
            "validazione convalida valutazione",
            "prova verifica",
            "nonetichettato nonetichettati nonetichettate senzaetichetta senzaetichette senzaclasse senzacategoria nonclassificato nonclassificati",
        ],
    ),
    (
        "Russian",
        [
            "обучение обучающая обучающие обучающий тренировка тренировочная тренировочные трейн",
            "валидация валидационная валидационные проверка проверочная проверочные",
            "тест тесты тестовая тестовые тестовый тестирование",
            "неразмеченные неразмеченное неразмечено безметок безметки безкласса безкатегории несортированные",
        ],
    ),
    (
        "Ukrainian",
        ["навчання тренування", "валідація перевірка", "тестування тестові", "безміток нерозмічені"],
    ),
    (
        "Dutch",
        [
            "trainen oefenen",
            "validatie evaluatie",
            "toets",
            "ongelabeld ongesorteerd zonderlabel zonderklasse nietgelabeld",
        ],
    ),
    (
        "Polish",
        [
            "trening treningowe treningowy uczące uczacy uczący uczenie uczeniowe nauka",
            "walidacja walidacyjne walidacyjny",
            "testowe testowy",
            "nieoznaczone nieoznakowane bezetykiet bezklasy nieposortowane",
        ],
    ),
    (
        "Turkish",
        [
            "eğitim egitim",
            "doğrulama dogrulama",
            "sınama sinama",
            "etiketsiz sınıfsız etiketlenmemiş sınıflandırılmamış",
        ],
    ),
    ("Indonesian", ["latih pelatihan latihan", "validasi", "uji pengujian", "tanpalabel tidakberlabel"]),
    ("Vietnamese", ["huấnluyện huanluyen", "thẩmđịnh", "kiểmtra kiemtra kiểmthử", "chưagánnhãn khôngnhãn"]),
    ("Arabic", ["تدريب التدريب", "تحقق التحقق", "اختبار الاختبار", "بدونتصنيف غيرمصنف"]),
    ("Persian", ["آموزش", "اعتبارسنجی", "آزمون آزمایش", "بدونبرچسب"]),
    ("Hebrew", ["אימון", "אימות", "בדיקה מבחן", "ללאתווית"]),
    ("Hindi", ["प्रशिक्षण", "सत्यापन", "परीक्षण", "बिनालेबल"]),
    ("Swedish", ["träning", "validering", "testning", "omärkt osorterat"]),
    (
        "Czech",
        ["trénink trenink trénovací trenovaci", "validace validační", "testovací testovaci", "neoznačené"],
    ),
    ("Hungarian", ["tanító tanítás", "érvényesítés", "teszt tesztelés", "címkézetlen"]),
    ("Greek", ["εκπαίδευση", "επικύρωση", "δοκιμή έλεγχος", "χωρίςετικέτα"]),
    ("Romanian", ["antrenare antrenament", "validare", "testare", "neetichetate"]),
];

/// Words that add nothing to a split word.
pub(super) const NEUTRAL: &str = "set sets data dataset datasets image images img imgs photo photos picture pictures pics folder \
     split sample samples file files of for public private 세트 셋 데이터 데이터셋 이미지 사진 폴더 集 数据 数据集 数据集合 資料 資料集 图片 图像 圖片 圖像 影像 \
     データ データセット 画像 写真 セット daten datensatz bilder bild fotos foto données donnees jeu ensemble datos conjunto imágenes \
     imagenes de di dados imagens dati immagini insieme данные набор выборка изображения фото gegevens afbeeldingen dane zbiór \
     zdjęcia veri verisi verileri seti görüntüler";

/// Short forms that are splits only beside each other: words for training, validation and test images.
pub(super) const ABBREVIATIONS: [&str; 3] = ["tr", "va vl", "te ts"];

/// Folders of images that wait to be sorted, were put aside, or that a model has sorted; a digit may follow.
pub(super) const SORTING: &str = "sonstiges verschiedenes diverses 잡동사니 기타 papierkorb 휴지통 eingang posteingang ablage divers varios varie diversos разное прочее корзина różne \
     kosz diversen prullenbak papperskorg övrigt roskakori çeşitli corbeille papelera cestino lixeira ごみ箱 ゴミ箱 回收站 资源回收站 資源回收筒 \
     recyclebin inbox todo tosort tolabel tolabeling tolabelling incoming misc miscellaneous unsure undecided maybe \
     pending backlog needslabel needslabels needsreview toreview review later newfolder untitledfolder newphotos sortme unfiled 새폴더 정리전 분류전 \
     미정리 새로운폴더 임시 新建文件夹 新資料夾 待分类 待分類 待处理 新しいフォルダー 新しいフォルダ 未整理 neuerordner zusortieren nouveaudossier atrier àtrier \
     nuevacarpeta porclasificar nuovacartella dasistemare novapasta новаяпапка разобрать unclear notsure forlater totest tocheck todelete deleted discarded predictions \
     prediction output outputs results unklar zulöschen gelöscht geloescht aussortiert supprimé supprime àsupprimer asupprimer \
     borrado borrados eliminado eliminati cancellati 불명확 애매 애매함 삭제 삭제예정 삭제됨 예측 출력 已删除 待删除 不确定 预测 削除 削除予定 予測 \
     неясно удалить удалено";
